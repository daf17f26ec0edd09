#include "interpose/locks/lock_misuse.hpp"

#include "interpose/called_by_exit.hpp"
#include "interpose/code/unseen_order.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::locks {
namespace {

// A misuse by the actor, here if no stack is given, and who holds the lock meanwhile, if that is to be told.
void tell(Kind kind, const Line& message, const Actor& actor, std::string_view role, std::string_view operation,
          std::string_view note, const LockObject* lock, const LockObject* holders_lock,
          StackId stack = kNoStack) noexcept {
  OwnVector<Participant> participants;
  OwnVector<ObjectInfo> objects;
  if (lock != nullptr) objects.push_back(info_of(*lock));
  const std::int32_t object = lock == nullptr ? -1 : 0;
  participants.push_back({.role = role,
                          .actor = info_of(actor, "running"),
                          .operation = operation,
                          .object = object,
                          .held = {},

                          .stack = stack != kNoStack ? stack : capture_stack(),
                          .note = note});
  if (holders_lock != nullptr) {
    participants.push_back({.role = "holder",
                            .actor = info_of(holders_lock->holder.load(std::memory_order_relaxed), ""),
                            .operation = "lock",
                            .object = object,
                            .held = {},
                            .stack = holders_lock->taken_at.load(std::memory_order_relaxed),
                            .note = "it was locked here"});
  }
  report({.kind = kind, .message = message.view(), .hint = {}, .participants = participants, .objects = objects});
}

std::string_view verb_of(Unlock how) noexcept {
  return how == Unlock::Called ? " unlocked " : " waited on a condition, and by that unlocked ";
}

}  // namespace

void tell_double_lock(const Actor& actor, const LockObject& lock, StackId stack) noexcept {
  const ActorKey holder = lock.holder.load(std::memory_order_relaxed);
  const bool known = lock.is_held();
  Line message;
  message << words_for(info_of(actor, "")).view() << " locked " << words_for(lock).view();
  if (known && holder != key_of(actor)) {
    message << ", which " << words_for(info_of(holder, "")).view()
            << " has locked on the same thread and holds while it is parked: such a mutex belongs to the thread, which "
               "waits for itself";
  } else {
    message << ", which it holds already: it waits for itself";
  }
  tell(Kind::DoubleLock, message, actor, "locker", "lock", "the second lock", &lock, known ? &lock : nullptr, stack);
}

void tell_lock_refused(const Actor& actor, const LockObject& lock) noexcept {
  Line message;
  message << words_for(info_of(actor, "")).view() << " locked " << words_for(lock).view()
          << ", which it has for writing already: libc refused (EDEADLK), for it would have waited for itself";
  tell(Kind::DoubleLock, message, actor, "locker", "lock", "the second lock", &lock, lock.is_held() ? &lock : nullptr);
}

void tell_unlock_not_held(Actor& actor, const LockObject* lock, Unlock how) noexcept {
  Line message;
  message << words_for(info_of(actor, "")).view() << verb_of(how);
  if (lock != nullptr) {
    message << words_for(*lock).view();
  } else {
    message << "a lock";
  }
  message << ", which nobody had locked";
  tell(Kind::UnlockNotHeld, message, actor, "unlocker", "unlock", "the unlock", lock, nullptr);
}

void tell_unlock_by_other(Actor& actor, LockObject& lock, Unlock how) noexcept {
  const ActorInfo holder = info_of(lock.holder.load(std::memory_order_relaxed), "");
  Line message;
  message << words_for(info_of(actor, "")).view() << verb_of(how) << words_for(lock).view() << ", which ";
  if (lock.is_held() && lock.holder.load(std::memory_order_relaxed) == key_of(actor)) {
    message << "it had locked on another thread: it was parked in between and went on on this one, and such a mutex "
               "belongs to its thread";
  } else {
    message << (lock.is_held() ? words_for(holder) : Phrase() << "another thread").view() << " had locked";
  }
  if (lock.family == LockFamily::Vigil) message << ", and nothing orders the unlock after the lock";
  tell(Kind::UnlockByOther, message, actor, "unlocker", "unlock", "the unlock", &lock,
       lock.is_held() ? &lock : nullptr);
}

void note_unlock_by_other(Actor& actor, LockObject& lock) noexcept {
  const StackId stack = capture_stack();
  if (unseen_order::possible(stack)) return;
  // What came before the order was asked for is not known, and then nothing is told: that is the first time, unless the
  // taker came by leaves_locked(). In the whole order, for another lock may well be what says that the turn to unlock
  // has come.
  order::want(order::kWhole);
  const race::Epoch taken_when = lock.taken_when;
  if (!lock.is_held() || taken_when.time() == 0) return;
  if (race::happened_before(taken_when, order::whole(actor.clocks))) return;
  if (unseen_order::possible(lock.taken_at.load(std::memory_order_relaxed)) || unseen_order::may_poll(stack)) return;
  tell_unlock_by_other(actor, lock);
}

bool tell_destroy_locked(const LockObject& lock, Destruction how) noexcept {
  const StackId stack = capture_stack();
  if (called_by_exit(stack)) return false;
  Actor& actor = current_actor();
  const ActorInfo holder = info_of(lock.holder.load(std::memory_order_relaxed), "");
  Line message;
  message << words_for(info_of(actor, "")).view()
          << (how == Destruction::Called ? " destroyed " : " freed the memory of ") << words_for(lock).view();
  if (lock.is_held() && lock.holder.load(std::memory_order_relaxed) == key_of(actor)) {
    message << " while it holds it itself";
  } else if (lock.is_held()) {
    message << " while " << words_for(holder).view() << " holds it";
  } else {
    message << " while it is locked";
  }
  tell(Kind::DestroyLocked, message, actor, "destroyer", "destroy", "the destruction", &lock,
       lock.is_held() ? &lock : nullptr, stack);
  return true;
}

}  // namespace vigil::shim::locks
