#include "interpose/leaks/still_threads.hpp"

#include <algorithm>
#include <iterator>

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

bool StillThreads::find_moving(const Found& found, OwnVector<int>& moving) const noexcept {
  const OwnVector<int> all = kernel_threads();
  const int self = this_tid();
  for (const int tid : all) {
    const bool is_still =
        tid == self || is_helper(tid) || std::ranges::find(found.idle_workers, tid) != found.idle_workers.end() ||
        halted_.holds(tid) ||
        std::ranges::any_of(sleepers_, [&](const Sleeper& sleeper) { return sleeper.tid == tid && sleeps(sleeper); });
    if (!is_still) moving.push_back(tid);
  }
  return !all.empty();
}

bool StillThreads::all_are_still(std::span<const AddressRange> running, bool may_halt) noexcept {
  const Found found = look();
  sleepers_ = found.sleepers;
  OwnVector<int> moving;
  if (!find_moving(found, moving)) return false;
  // Of the runtime's threads that seem to be idle some run the tasks that are left, or make a timer's call.
  if (may_halt) std::ranges::copy_if(found.idle_workers, std::back_inserter(moving), kernel_runs);
  if (moving.empty()) return running.size() <= found.workers;
  // One that sleeps in a call that has no wrapper may be woken from it by being halted.
  if (!may_halt || !std::ranges::all_of(moving, kernel_may_halt) || !halted_.halt(moving)) return false;
  const auto on_no_halted = std::ranges::count_if(running, [at = halted_.stack_pointers()](const AddressRange& stack) {
    return std::ranges::none_of(at, [&](std::uintptr_t pointer) { return stack.holds(pointer); });
  });
  // Those that they started meanwhile, or woke, move now.
  moving.clear();
  return static_cast<std::size_t>(on_no_halted) <= found.workers && find_moving(found, moving) && moving.empty();
}

bool StillThreads::found_in(int tid, std::uint32_t round) const noexcept {
  return std::ranges::any_of(sleepers_, [&](const Sleeper& sleeper) {
    return sleeper.tid == tid && sleeper.kind != CallKind::None && sleeper.round == round;
  });
}

bool StillThreads::stayed_still() noexcept {
  const bool stayed = look().sleepers == sleepers_ && std::ranges::all_of(sleepers_, sleeps);
  return halted_.release() && stayed;
}

}  // namespace vigil::shim::leaks
