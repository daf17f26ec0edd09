#include "interpose/leaks/still_threads.hpp"

#include <algorithm>

#include "interpose/helper.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/naps.hpp"

namespace vigil::shim::leaks {

StillThreads::Found StillThreads::look() noexcept {
  Found found;
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        auto& out = *static_cast<Found*>(context);
        const ThreadPart& part = *thread.thread;
        if (part.state.load(std::memory_order_acquire) == ThreadState::Ended) return true;
        const int tid = part.tid.load(std::memory_order_acquire);
        const bool is_worker = part.is_worker.load(std::memory_order_relaxed);
        // acquire: pairs with the release in enter_blocked()
        const CallKind kind = part.call.kind.load(std::memory_order_acquire);
        const std::uint64_t nap = nap_of(tid);
        if (kind != CallKind::None) {
          out.sleepers.push_back({tid, kind, part.call.round.load(std::memory_order_relaxed)});
        } else if (nap != 0 && (!is_worker || is_nap_of_task(nap)) && kernel_naps(tid)) {
          out.sleepers.push_back({tid, CallKind::None, nap});
        } else {
          if (is_worker) out.idle_workers.push_back(tid);
          return true;
        }
        out.workers += is_worker ? 1 : 0;
        return true;
      },
      &found);
  std::sort(found.sleepers.begin(), found.sleepers.end(),
            [](const Sleeper& a, const Sleeper& b) { return a.tid < b.tid; });
  return found;
}

bool StillThreads::sleeps(const Sleeper& sleeper) noexcept {
  return sleeper.kind == CallKind::None ? kernel_naps(sleeper.tid) : !kernel_runs(sleeper.tid);
}

bool StillThreads::all_are_still(std::size_t running_tasks) noexcept {
  const Found found = look();
  sleepers_ = found.sleepers;
  if (running_tasks > found.workers) return false;
  const OwnVector<int> all = kernel_threads();
  const int self = this_tid();
  return !all.empty() && std::ranges::all_of(all, [&](int tid) {
    if (tid == self || is_helper(tid)) return true;
    if (std::ranges::find(found.idle_workers, tid) != found.idle_workers.end()) return true;
    return std::ranges::any_of(found.sleepers,
                               [&](const Sleeper& sleeper) { return sleeper.tid == tid && sleeps(sleeper); });
  });
}

bool StillThreads::stayed_still() const noexcept {
  return look().sleepers == sleepers_ && std::ranges::all_of(sleepers_, sleeps);
}

}  // namespace vigil::shim::leaks
