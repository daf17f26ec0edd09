#include "interpose/leaks/still_threads.hpp"

#include <algorithm>

#include "interpose/helper.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::leaks {
namespace {

struct StillFound {
  OwnVector<ThreadLook> blocked;
  OwnVector<int> idle_workers;
};

StillFound look() noexcept {
  StillFound found;
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        auto& out = *static_cast<StillFound*>(context);
        const ThreadPart& part = *thread.thread;
        if (part.state.load(std::memory_order_acquire) == ThreadState::Ended) return true;
        const int tid = part.tid.load(std::memory_order_acquire);
        // acquire: pairs with the release in enter_blocked()
        const CallKind kind = part.call.kind.load(std::memory_order_acquire);
        if (kind != CallKind::None) {
          out.blocked.push_back({.tid = tid, .kind = kind, .round = part.call.round.load(std::memory_order_relaxed)});
        } else if (part.is_worker.load(std::memory_order_relaxed)) {
          out.idle_workers.push_back(tid);
        }
        return true;
      },
      &found);
  std::sort(found.blocked.begin(), found.blocked.end(),
            [](const ThreadLook& a, const ThreadLook& b) { return a.tid < b.tid; });
  return found;
}

}  // namespace

bool StillThreads::all_are_still() noexcept {
  const StillFound found = look();
  blocked_ = found.blocked;
  const OwnVector<int> all = kernel_threads();
  const int self = this_tid();
  return !all.empty() && std::ranges::all_of(all, [&](int tid) {
    if (tid == self || is_helper(tid)) return true;
    if (std::ranges::find(found.idle_workers, tid) != found.idle_workers.end()) return true;
    const bool is_blocked =
        std::ranges::any_of(found.blocked, [&](const ThreadLook& thread) { return thread.tid == tid; });
    return is_blocked && !kernel_runs(tid);
  });
}

bool StillThreads::stayed_still() const noexcept {
  return look().blocked == blocked_ &&
         std::ranges::none_of(blocked_, [](const ThreadLook& thread) { return kernel_runs(thread.tid); });
}

}  // namespace vigil::shim::leaks
