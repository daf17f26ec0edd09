// Parking and waking an actor, whichever kind it is.
//
// To park: fill actor.wait, put the actor's Waiter into the queues under their lock, then park() with what releases
// that lock. The lock is released only once nobody can find the actor half parked. Who takes the Waiter out of the
// queue (and, for a Race, wins its claim) owns the actor's next move and wakes it after the lock is free.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/src/spin_lock.hpp"
#include "runtime/src/thread_record.hpp"
#include "runtime/src/waiter.hpp"
#include "runtime/src/worker.hpp"

namespace vigil::detail {

inline AfterSwitch unlock_after(SpinLock& lock) noexcept {
  return {[](void* held) noexcept { static_cast<SpinLock*>(held)->unlock(); }, &lock};
}

// Parks until woken. With a deadline, race.claim(kTimeout) decides whether the deadline or a waker ends it.
void park(Inside& inside, AfterSwitch release) noexcept;
void park_until(Inside& inside, AfterSwitch release, Race& race, std::uint64_t deadline_ns) noexcept;
// For ever: on a nil channel, or in a select without cases that could become ready.
[[noreturn]] void park_for_ever(Inside& inside) noexcept;

void wake(ThreadRecord& self, Waiter& waiter) noexcept;
// The second half of waking a plain thread, which a worker may put off: it runs again.
void grant(PlainThread& thread) noexcept;
// One goes on next, as by wake(); several in their order, behind what is runnable, and processors are told once for
// all.
void wake_all(ThreadRecord& self, WakeList& woken) noexcept;
// Never ahead of what is runnable.
void wake_in_turn(ThreadRecord& self, WakeList& woken) noexcept;

// Fills actor.wait.
inline void wait_for_object(Actor& actor, std::uint32_t kind, const void* object) noexcept {
  actor.wait = {.kind = kind, .case_count = 0, .cases = nullptr, .object = object, .deadline_ns = kNoDeadline};
}
inline void wait_for_cases(Actor& actor, std::uint32_t kind, const vigil_probe_case* cases, std::size_t count,
                           std::uint64_t deadline_ns = kNoDeadline) noexcept {
  actor.wait = {.kind = kind,
                .case_count = static_cast<std::uint32_t>(count),
                .cases = cases,
                .object = nullptr,
                .deadline_ns = deadline_ns};
}

// Deadlines on which plain threads sleep, for counts().
[[nodiscard]] std::uint64_t threads_with_deadline() noexcept;

}  // namespace vigil::detail
