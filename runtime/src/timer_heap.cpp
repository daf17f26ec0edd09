#include "runtime/src/timer_heap.hpp"

#include <algorithm>

namespace vigil::detail {
namespace {
constexpr std::size_t kChildren = 4;
}

void TimerHeap::place_at(std::size_t at, Timer& timer) noexcept {
  heap_[at] = &timer;
  timer.place = at;
}

void TimerHeap::sift_up(std::size_t at, Timer& timer) noexcept {
  while (at > 0) {
    const std::size_t parent = (at - 1) / kChildren;
    if (heap_[parent]->deadline_ns <= timer.deadline_ns) break;
    place_at(at, *heap_[parent]);
    at = parent;
  }
  place_at(at, timer);
}

void TimerHeap::sift_down(std::size_t at, Timer& timer) noexcept {
  for (;;) {
    const std::size_t first = at * kChildren + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + kChildren, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child)
      if (heap_[child]->deadline_ns < heap_[least]->deadline_ns) least = child;
    if (timer.deadline_ns <= heap_[least]->deadline_ns) break;
    place_at(at, *heap_[least]);
    at = least;
  }
  place_at(at, timer);
}

void TimerHeap::publish_locked() noexcept {
  size_.store(heap_.size(), std::memory_order_release);
  earliest_.store(heap_.empty() ? kNoDeadline : heap_.front()->deadline_ns, std::memory_order_seq_cst);
}

void TimerHeap::add_locked(Timer& timer) {
  heap_.push_back(&timer);
  sift_up(heap_.size() - 1, timer);
  publish_locked();
}

void TimerHeap::remove_locked(Timer& timer) noexcept {
  const std::size_t at = timer.place;
  timer.place = Timer::kNotQueued;
  Timer& moved = *heap_.back();
  heap_.pop_back();
  if (&moved == &timer) return;
  if (at > 0 && moved.deadline_ns < heap_[(at - 1) / kChildren]->deadline_ns)
    sift_up(at, moved);
  else
    sift_down(at, moved);
}

void TimerHeap::cancel(Timer& timer) noexcept {
  const SpinGuard held(lock_);
  if (timer.place == Timer::kNotQueued) return;
  remove_locked(timer);
  publish_locked();
}

TimedCall* TimerHeap::expire(std::uint64_t now, WakeList& woken) noexcept {
  TimedCall* first = nullptr;
  TimedCall** last = &first;
  const SpinGuard held(lock_);
  while (!heap_.empty() && heap_.front()->deadline_ns <= now) {
    Timer& due = *heap_.front();
    remove_locked(due);
    if (due.waiter.actor != nullptr) {
      if (due.waiter.race->claim(Race::kTimeout)) woken.add(due.waiter);
      continue;
    }
    auto& call = static_cast<TimedCall&>(due);
    if (call.is_due) continue;  // armed again while it waits in another worker's list: that one call serves both
    call.is_due = true;
    call.next_due = nullptr;
    *last = &call;
    last = &call.next_due;
  }
  publish_locked();
  return first;
}

bool TimerHeap::arm(TimedCall& call, std::uint64_t deadline_ns) {
  const SpinGuard held(lock_);
  const bool was_queued = call.place != Timer::kNotQueued;
  if (was_queued) remove_locked(call);
  call.deadline_ns = deadline_ns;
  add_locked(call);
  return !was_queued && !call.is_due;
}

bool TimerHeap::disarm(TimedCall& call) noexcept {
  const SpinGuard held(lock_);
  if (call.place == Timer::kNotQueued) return false;
  remove_locked(call);
  publish_locked();
  return !call.is_due;
}

bool TimerHeap::begin_call(TimedCall& call) noexcept {
  const SpinGuard held(lock_);
  call.is_due = false;
  return call.place == Timer::kNotQueued;
}

}  // namespace vigil::detail
