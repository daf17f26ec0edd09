// HeldLocks: what one actor holds, in the order in which it was taken, and where it took it. No cap.
//
// A lock may be given back by somebody else than its taker (vigil's Mutex has no owner, as in Go), who cannot reach
// into a list that the taker may be using. So each entry carries the number of its acquisition, and an entry whose lock
// has moved on to another number is void: live() drops such entries.
//
// Slots: who takes a lock usually takes the one that it took last at that depth, at the same place. So a slot above the
// youngest entry keeps what was last in it, and taking that again is: seeing that it is the same, and one step up.
//   S1  A number of an acquisition was given to one actor, and no two of its entries have the same. A slot above the
//       youngest entry may hold one whose lock is free since (its number is one higher). Who had the lock last of all
//       gets its number again in that slot, or in the first one: that makes all above slots on top of something else.
//   S2  An entry's serial says what is held from the oldest to it, and where each was taken: none is given twice.
//       `over` is the serial below the entry, 0: none.
//   S3  Below the oldest entry lies a slot that is all zero.
//
// Lists: a thread that takes turns between locks or places would find each time what it did at the other one. So it has
// some lists of slots, which the lock and the place choose between while nothing is held; one of them is in use, and
// what is said above of slots above the youngest entry is true of all slots of the others. Two slots may have one
// number then, each with a place of its own: who takes a lock again by another slot than last time writes its place.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "interpose/locks/held_set.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim {
struct LockObject;
}

namespace vigil::shim::locks {

// 64 bytes: how many there are is asked at accesses, and a division would not do.
struct alignas(16) HeldLock {
  LockObject* object = nullptr;  // never unmapped; see objects.hpp
  LockId lock{};
  std::uint64_t acquisition = 0;  // of that lock
  StackId taken_at = kNoStack;
  LockMode mode = LockMode::Exclusive;
  // Where the thread that took it remembers that stack (RecentStacks::at()), if it still does.
  std::uint16_t recent = 0;
  // again_as() of a lock that has a quick way, at which that may be taken and given back again; 0: it has none.
  std::uintptr_t again = 0;
  // The actor's moment in the firm order, its bits, when the order of locks last learned of this lock taken on top of
  // those below.
  std::uint64_t told_at = kNeverTold;
  std::uint64_t serial = 0;
  std::uint64_t over = 0;

  static constexpr std::uint64_t kNeverTold = 1;  // no moment: the lowest bits of those are zero

  // One number for where a lock lies, whose it is, and how it is held: the address of each is a multiple of four.
  enum class Way : std::uint8_t { Mutex = 0, Read = 1, VigilMutex = 2 };
  static std::uintptr_t again_as(Way way, const volatile void* lock) noexcept {
    return reinterpret_cast<std::uintptr_t>(lock) | static_cast<std::uintptr_t>(way);
  }
};
static_assert(sizeof(HeldLock) == 64);

class HeldLocks {
 public:
  HeldLocks() noexcept = default;
  ~HeldLocks() { own_delete(lists_); }
  HeldLocks(const HeldLocks&) = delete;
  HeldLocks& operator=(const HeldLocks&) = delete;

  void add(const HeldLock& held) {
    if (top_ == last_) grow();
    *top_ = held;
    number(*top_);
    ++top_;
  }
  // What was last held on top of those that are held now; all zero: nothing. Valid until the next change.
  [[nodiscard]] HeldLock& next() noexcept { return *top_; }
  // Whether next() may be written.
  [[nodiscard]] bool has_room() const noexcept { return top_ != last_; }
  // What was written to next() is held. Demands: has_room(), empty().
  void add_first() noexcept {
    top_->serial = ++last_serial_;
    top_->over = 0;
    ++top_;
  }
  // That is held again. Demands: the slot is next().
  void add_slot(HeldLock& slot) noexcept { top_ = &slot + 1; }
  // Demands: the slot is youngest(), and not empty().
  void remove_slot(HeldLock& slot) noexcept { top_ = &slot; }
  // All zero: nothing is held.
  [[nodiscard]] HeldLock& youngest() noexcept { return top_[-1]; }
  void remove_youngest() noexcept { --top_; }
  // The youngest entry of that lock goes. False: the actor does not hold it.
  bool remove(LockId lock) noexcept;
  template <class Predicate>
  void drop_if(Predicate&& is_void) noexcept {
    HeldLock* const first_void = std::find_if(first_, top_, is_void);
    if (first_void == top_) return;
    HeldLock* kept = first_void;
    for (HeldLock* one = first_void + 1; one != top_; ++one) {
      if (!is_void(*one)) move(*one, *kept++);
    }
    end_at(kept);
  }
  // Those still held, oldest first; valid until the next change.
  std::span<const HeldLock> live() noexcept;
  // The same, to be kept: it shares what it can with the one before.
  HeldSet as_set() noexcept {
    last_set_ = HeldSet(live(), last_set_);
    return last_set_;
  }
  // For others, while the actor stands still: entries that is_held_as() may call void are among them.
  template <class Predicate>
  [[nodiscard]] const HeldLock* find(Predicate&& is_it) const noexcept {
    const std::span<const HeldLock> held = as_seen();
    const auto found = std::find_if(held.begin(), held.end(), is_it);
    return found == held.end() ? nullptr : &*found;
  }
  // The same for all of them, in a loop that is short where few are held.
  template <class Predicate>
  [[nodiscard, gnu::always_inline]] bool all_are(Predicate&& is_it) const noexcept {
    for (const HeldLock* held = first_; held != top_; ++held) {
      if (!is_it(*held)) return false;
    }
    return true;
  }
  template <class Visit>
  void for_each(Visit&& visit) const noexcept {
    for (const HeldLock& held : as_seen()) visit(held);
  }
  [[nodiscard]] bool empty() const noexcept { return top_ == first_; }
  // With entries that have become void since the last live().
  [[nodiscard]] std::size_t count() const noexcept { return static_cast<std::size_t>(top_ - first_); }
  // As it was added, void or not. Demands: not empty().
  [[nodiscard]] const HeldLock& oldest() const noexcept { return *first_; }

 private:
  // Stand for the slots of who never held anything: there is always a next(), and something below it. Never written.
  static constinit std::array<HeldLock, 2> no_slots;

 public:
  // The slots that may be in use, and where they lie.
  class List {
   public:
    // The slot of who holds nothing else.
    [[nodiscard]] HeldLock& first() const noexcept { return *first_; }

   private:
    friend HeldLocks;
    void grow() noexcept;

    HeldLock* first_ = &no_slots[1];
    HeldLock* last_ = &no_slots[1];
    OwnVector<HeldLock> slots_;
  };
  // Of who takes that lock there, and holds nothing else. Null: there are none.
  [[nodiscard]] List* list_of(const volatile void* lock, std::uintptr_t first_return) noexcept {
    return lists_ == nullptr ? nullptr : &(*lists_)[index_of(lock, first_return)];
  }
  // That list is in use from now on, and what its first slot says is held again. Demands: empty().
  void add_first_of(const List& list) noexcept {
    first_ = list.first_;
    last_ = list.last_;
    top_ = first_ + 1;
  }
  // That one is, with room for what is held first. Demands: empty(). May change errno.
  void turn_to(const volatile void* lock, std::uintptr_t first_return) noexcept;

 private:
  static constexpr std::size_t kLists = 16;
  using Lists = std::array<List, kLists>;
  // Locks that lie one beside the other have lists of their own, and so have places in one function, mostly.
  static std::size_t index_of(const volatile void* lock, std::uintptr_t first_return) noexcept {
    return ((reinterpret_cast<std::uintptr_t>(lock) >> 3U) + (first_return >> 2U) + (first_return >> 6U)) % kLists;
  }

  void grow() noexcept;
  // By others. Who stands still may turn to another list even so, in a signal handler: where the list in use ends is
  // read once, and S3 says where that one begins.
  [[nodiscard]] std::span<const HeldLock> as_seen() const noexcept {
    const HeldLock* const top = __atomic_load_n(&top_, __ATOMIC_RELAXED);
    const HeldLock* first = top;
    while (first[-1].serial != 0) --first;
    return {first, top};
  }
  // An entry that is new where it lies.
  void number(HeldLock& entry) noexcept {
    entry.serial = ++last_serial_;
    entry.over = (&entry)[-1].serial;
  }
  void move(const HeldLock& from, HeldLock& to) noexcept {
    to = from;
    to.told_at = HeldLock::kNeverTold;
    number(to);
  }
  // Slots that were left by a move keep nothing (S1).
  void end_at(HeldLock* end) noexcept {
    std::fill(end, top_, HeldLock{});
    top_ = end;
  }

  // first_ <= top_ <= last_, and last_ is a slot, too. So is what lies before first_, which never holds anything.
  HeldLock* first_ = &no_slots[1];
  HeldLock* top_ = &no_slots[1];
  HeldLock* last_ = &no_slots[1];
  std::uint64_t last_serial_ = 0;
  List own_;                // in use until a thread takes turns
  Lists* lists_ = nullptr;  // a thread's; made when it is worth it
  HeldSet last_set_;
};

}  // namespace vigil::shim::locks
