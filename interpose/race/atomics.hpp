// Atomics: what atomic operations and fences order, by the rules of C++.
//
//   store release     the object carries what the actor knows                          (a new release sequence)
//   store relaxed     it carries what the actor knew at its last release fence; by another actor than the head of
//                     the sequence it ends the sequence, by the same it does not (C++17 and before)
//   read-modify-write as a store, but on top of what it carried                        (the sequence goes on)
//                     A relaxed one counts as a release when its actor's own acquiring one was the last change before,
//                     and it puts back what that replaced, without comparing: so a lock is given back that was held
//                     to read only (libstdc++ 12, atomic<shared_ptr>::load). By the letter that orders nothing; no
//                     processor tells the difference, and it is not the user's code. Who compares puts a node back on
//                     a stack.
//   load acquire      the actor learns what the object carries
//   load relaxed      it will, at its next acquire fence
// seq_cst is acquire and release: the one order of all such operations adds nothing that one could be missing, for it
// orders what was read by whom, and that is seen. consume counts as acquire, as compilers treat it.
//
// The operation and the change of the clocks are one step, under the object's lock: else a value could be read whose
// release has not been noted yet. A load of an object that nobody released into takes no lock: it looks for the point
// after the value was read, and a point is there before the first released value is.
//
// The access itself goes into the shadow after what is acquired and before what is released, so that a plain access
// which only this operation orders with it is not taken for a race. What acquires nothing goes there before the lock is
// taken, what releases nothing after it was given back; and a read-modify-write before it as well, if it clashes with
// nothing even without what it will acquire: others wait for the lock. Not so a load of what many have read, a chain:
// whoever changes that copies some of it, and does it in vain if another was faster. The lock lets them do it in turn.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/instrument/real_atomics.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/race/atomic_points.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/usual_access.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::race::atomics {

// What an order asks for.
constexpr bool acquires(int order) noexcept {
  const int plain = order & instrument::kOrderBits;
  return plain != __ATOMIC_RELAXED && plain != __ATOMIC_RELEASE;
}
constexpr bool releases(int order) noexcept {
  const int plain = order & instrument::kOrderBits;
  return plain == __ATOMIC_RELEASE || plain == __ATOMIC_ACQ_REL || plain == __ATOMIC_SEQ_CST;
}

struct Place {
  std::uintptr_t address;
  std::size_t bytes;
  std::uintptr_t pc;
};

// Whether this thread is within an operation: a signal handler that finds it so does its own for real, and nothing
// else.
extern thread_local constinit bool in_operation __attribute__((tls_model("initial-exec")));

// Whether what an operation orders can matter now: another actor may exist.
inline bool watching() noexcept { return engine_is_native() && is_concurrent() && !inside_shim && !in_operation; }
// Whether the running actor went through a release fence: its relaxed stores carry something.
bool fenced() noexcept;

// What a read-modify-write found and what it left, so far as it takes to see that one undoes another.
struct Change {
  std::uint32_t found = 0;
  std::uint32_t left = 0;
  bool may_undo = false;
};
// Of sixteen bytes nothing is known: none undoes another.
template <class T>
constexpr Change change_of(T found, T left, bool may_undo) noexcept {
  if constexpr (sizeof(T) > sizeof(std::uint64_t)) {
    return {};
  } else {
    const auto folded = [](T value) noexcept {
      constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio
      return static_cast<std::uint32_t>((static_cast<std::uint64_t>(value) * kSpread) >> 32U);
    };
    return {.found = folded(found), .left = folded(left), .may_undo = may_undo};
  }
}

// The halves that know of clocks; each locks the home and runs the operation under it.
class Step {
 public:
  Step(const Place& place, bool make) noexcept;
  ~Step();
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  // False: nobody ever released into the object, and this was not to make it so.
  [[nodiscard]] bool has_home() const noexcept { return home_ != nullptr; }
  void loaded(int order) noexcept;  // the actor read the value
  void stored(int order) noexcept;
  void changed(int order, Change change) noexcept;             // read and written in one, after loaded()
  void loaded_and_changed(int order, Change change) noexcept;  // both

 private:
  const Place place_;
  AtomicHome* home_ = nullptr;
  const int saved_errno_;
};

// The access, for the shadow.
inline void accessed(const Place& place, bool wrote) noexcept {
  if (wrote) {
    on_atomic_write(place.address, place.bytes, place.pc);
  } else {
    on_atomic_read(place.address, place.bytes, place.pc);
  }
}

template <class T>
T load(const volatile T* at, int order, std::uintptr_t pc) noexcept {
  const Place place{reinterpret_cast<std::uintptr_t>(at), sizeof(T), pc};
  T value = instrument::load(at, order);
  if (watching() && atomic_points.has_home(place.address)) [[unlikely]] {
    const bool in_turn = !is_in_block(place.address);
    {
      Step step(place, false);
      if (step.has_home()) {
        value = instrument::load(at, order);
        step.loaded(order);
      }
      if (in_turn) accessed(place, false);
    }
    if (!in_turn) accessed(place, false);
    return value;
  }
  accessed(place, false);
  return value;
}

template <class T>
void store(volatile T* at, T value, int order, std::uintptr_t pc) noexcept {
  const Place place{reinterpret_cast<std::uintptr_t>(at), sizeof(T), pc};
  const bool matters = watching();
  const bool carries = releases(order) || fenced();
  accessed(place, true);
  if (matters && (carries || atomic_points.has_home(place.address))) {
    Step step(place, carries);
    instrument::store(at, value, order);
    if (step.has_home()) step.stored(order);
    return;
  }
  instrument::store(at, value, order);
}

// operate(): the real read-modify-write.
template <class T, class Operate>
T change(volatile T* at, int order, std::uintptr_t pc, Operate&& operate) noexcept {
  const Place place{reinterpret_cast<std::uintptr_t>(at), sizeof(T), pc};
  const bool matters = watching();
  const bool leaves = releases(order) || acquires(order) || fenced();
  if (matters && (leaves || atomic_points.has_home(place.address))) {
    const bool has_accessed = enters_usual_atomic_write(place.address, place.bytes, pc);
    Step step(place, leaves);
    const T before = operate();
    // What it left is asked only where that counts: under the home's lock nobody else changes it.
    const bool may_undo = !releases(order) && !acquires(order);
    const Change change = change_of(before, may_undo ? instrument::load(at, __ATOMIC_RELAXED) : before, may_undo);
    if (has_accessed && step.has_home()) {
      step.loaded_and_changed(order, change);
      return before;
    }
    if (step.has_home()) step.loaded(order);
    if (!has_accessed) on_unusual_atomic_write(place.address, place.bytes, pc);
    if (step.has_home()) step.changed(order, change);
    return before;
  }
  const T before = operate();
  if (matters && atomic_points.has_home(place.address)) [[unlikely]] {
    // The point was made meanwhile, maybe before the value was read.
    Step step(place, false);
    if (step.has_home()) step.loaded(order);
  }
  accessed(place, true);
  return before;
}

// Whether expected was there; else expected becomes what is.
template <class T>
bool compare_exchange(volatile T* at, T& expected, T wanted, int order, int failure, std::uintptr_t pc) noexcept {
  const Place place{reinterpret_cast<std::uintptr_t>(at), sizeof(T), pc};
  const bool matters = watching();
  const bool leaves = releases(order) || acquires(order) || fenced();
  if (matters && (leaves || atomic_points.has_home(place.address))) {
    {
      Step step(place, leaves);
      const Change change = change_of(expected, wanted, false);
      const bool done = instrument::compare_exchange(at, expected, wanted, order);
      if (step.has_home()) step.loaded(done ? order : failure);
      if (done) {
        accessed(place, true);
        if (step.has_home()) step.changed(order, change);
        return true;
      }
    }
    accessed(place, false);
    return false;
  }
  const bool done = instrument::compare_exchange(at, expected, wanted, order);
  if (matters && atomic_points.has_home(place.address)) [[unlikely]] {
    Step step(place, false);
    if (step.has_home()) step.loaded(done ? order : failure);
  }
  accessed(place, done);
  return done;
}

void thread_fence(int order) noexcept;

// What a function of the C++ runtime does to an object that instrumented code tests by itself.
void released_into(std::uintptr_t address, std::size_t bytes) noexcept;
void acquired_from(std::uintptr_t address, std::size_t bytes) noexcept;

}  // namespace vigil::shim::race::atomics

namespace vigil::shim::race {
// What fences left with an actor goes with it.
void forget_fences(Actor& actor) noexcept;
}  // namespace vigil::shim::race
