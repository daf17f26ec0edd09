// What the tests of lock events share: two tasks, four locks, and the quick ways of who takes and gives back.
#pragma once

#include <cstdint>

#include <gtest/gtest.h>

#include "interpose/finding_writer.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/held_again.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/objects.hpp"

namespace vigil::shim::locks {

class LockEvents : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(ensure_live()); }

  LockEvents() {
    one.type = two.type = ActorType::Task;
    static std::uint64_t last_id = 1000;
    one.id = ++last_id;
    two.id = ++last_id;
  }
  static void take(Actor& actor, LockObject& lock, Attempt attempt = Attempt::Blocking) {
    taken(actor, lock, LockMode::Exclusive, attempt);
  }
  static void give(Actor& actor, LockObject& lock) { released(actor, lock, LockMode::Exclusive); }
  static std::uint64_t errors() { return finding_counts().errors; }

  Actor one, two;
  std::uint64_t places[4] = {};
  LockObject& a = lock_objects().at(&places[0]);
  LockObject& b = lock_objects().at(&places[1]);

  ~LockEvents() override {
    for (std::uint64_t& place : places) {
      if (LockObject* const lock = lock_objects().take(&place)) destroyed(lock);
    }
  }
};

// The short way of who does again what he did last (held_again.hpp): whether that is so, of a lock that lies there.
inline bool takes_again(Actor& actor, const void* lock) {
  HeldLock& slot = actor.held.next();
  const bool is_it = slot.again == HeldLock::again_as(HeldLock::Way::VigilMutex, lock);
  return is_it && holds_again(actor, slot, *slot.object);
}
inline bool gives_again(Actor& actor, const void* lock) {
  return gives_back_again(actor, HeldLock::again_as(HeldLock::Way::VigilMutex, lock));
}

// holds_another(), of a lock that lies there: at a place that has that number.
inline void takes_at(Actor& actor, LockObject& lock, const void* address, std::uint32_t place) {
  const std::uintptr_t again = HeldLock::again_as(HeldLock::Way::VigilMutex, address);
  holds_another(actor, lock, {.stack = static_cast<StackId>(place)}, again);
}

}  // namespace vigil::shim::locks
