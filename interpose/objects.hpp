// Objects: what the shim knows of each channel, lock, wait group and other synchronising object of the program, found
// by its address from its first event to its destruction.
//
// Threads: the tables have a lock per shard. An object itself is used under its primitive's own lock, which the runtime
// holds during its probes, or by the one actor that holds it; what neither covers has a lock of its own.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "interpose/actor.hpp"
#include "interpose/channel_touch.hpp"
#include "interpose/channel_use.hpp"
#include "interpose/finding.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/group_use.hpp"
#include "interpose/order.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim {

// Takes a lock of ours that a dying process may never get: false after a bounded time.
bool lock_within(FutexLock& lock) noexcept;

struct Object {
  std::uintptr_t address = 0;
  std::uint64_t id = 0;           // from 1 per type, in order of first sight
  StackId created_at = kNoStack;  // its creation, or its first use
};

// The order points of a channel's buffer, one for each slot; made where they are used.
class SlotPoints {
 public:
  explicit SlotPoints(std::size_t capacity) noexcept : capacity_(capacity) {}
  ~SlotPoints();
  SlotPoints(const SlotPoints&) = delete;
  SlotPoints& operator=(const SlotPoints&) = delete;
  // One send into, or receive out of, that slot.
  void step(order::Clocks& actor, std::size_t slot) noexcept;
  // All that was sent and received so far is in the actor's past: the channel is its alone.
  void acquire_all(order::Clocks& actor) const noexcept;

 private:
  static constexpr std::size_t kPerBlock = 16;
  // A buffer of more slots folds them onto this many points, which then collect instead of exchange: more order
  // than there is, so a race may be missed, none is invented. Keeps a buffer of ten million items under 7 MB.
  static constexpr std::size_t kMost = 1U << 16U;
  using Block = std::array<order::Point, kPerBlock>;

  std::size_t capacity_;
  OwnVector<Block*> blocks_;
};

// Who sent, received or closed on a channel: the first few, and whether there were more. Under the channel's own lock.
class ChannelUsers {
 public:
  void note(ActorKey user) noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      if (users_[i] == user) return;
    }
    if (count_ < users_.size()) {
      users_[count_++] = user;
    } else {
      more_ = true;
    }
  }
  [[nodiscard]] bool are_among(std::span<const ActorKey> actors) const noexcept {
    return !more_ && std::all_of(users_.begin(), users_.begin() + count_, [&](ActorKey user) {
      return std::find(actors.begin(), actors.end(), user) != actors.end();
    });
  }

 private:
  std::array<ActorKey, 4> users_{};
  std::uint8_t count_ = 0;
  bool more_ = false;
};

struct ChannelObject : Object {
  static constexpr ObjectType kType = ObjectType::Channel;
  explicit ChannelObject(std::size_t items) noexcept : capacity(items), slots(items) {}
  ~ChannelObject() { own_delete(use); }
  ChannelObject(const ChannelObject&) = delete;
  ChannelObject& operator=(const ChannelObject&) = delete;
  std::size_t capacity;
  bool closed = false;
  ActorKey closer{};  // valid when closed
  StackId closed_at = kNoStack;
  ChannelUsers users;
  ChannelTouch last_send;
  ChannelTouch last_receive;
  ChannelUse* use = nullptr;  // owned; made when it is needed
  SlotPoints slots;
  order::Point close_point;
};

// Whose lock it is: the two differ in who may give it back.
enum class LockFamily : std::uint8_t {
  Vigil,    // no owner, as in Go
  Pthread,  // only its owner may unlock it; C11's are the same
};

// Lock objects are recycled, never given back: HeldLocks may look at one long after it was destroyed.
struct LockObject : Object {
  ObjectType type = ObjectType::Mutex;  // or RwMutex
  bool is_spin = false;                 // a pthread_spinlock_t: whoever waits for it is awake
  LockFamily family = LockFamily::Vigil;
  bool prefers_writers = true;  // of a read-write lock: a waiting writer holds back new readers
  // Of the last acquisition, through all the lives of this record: the next one's number is higher, but who takes again
  // what nobody else took since has his number again (held_locks.hpp, S1). Odd: held exclusively.
  // relaxed: only its equality with a number that the same actor remembered is asked.
  std::atomic<std::uint64_t> acquisition{0};
  // Was ever given back by somebody else than its taker: then who holds it says nothing about who can give it back,
  // and it takes no part in cycles.
  std::atomic<bool> wandered{false};
  // Its holder ended with it held; of interest while it is held.
  std::atomic<bool> abandoned{false};
  // Who took it last, and where; of interest while it is held. relaxed: who looks knows that they stand still.
  std::atomic<ActorKey> holder{};
  std::atomic<StackId> taken_at{kNoStack};
  // When the holder took it, in the whole order; time 0: that order was not kept yet. As for holder.
  race::Epoch taken_when{};
  // A vigil lock's, when the whole order was not kept: while it is the taker's moment, nobody knows that it was taken.
  order::Moment taken_moment;
  order::Point written;  // by exclusive holders
  order::Point read;     // by shared ones
  FutexLock lock;        // guards read
  LockObject* next_free = nullptr;

  [[nodiscard, gnu::always_inline]] bool is_held_as(std::uint64_t number) const noexcept {
    return number == 0 || acquisition.load(std::memory_order_relaxed) == number;
  }
  // Nobody holds it as he did, nor takes it again as what it was to him: not even who holds it now, and has more slots
  // than one with that number.
  void is_anew() noexcept {
    const std::uint64_t number = acquisition.load(std::memory_order_relaxed);
    acquisition.store(number + 2 + (number & 1U), std::memory_order_relaxed);
  }
  void becomes_two_sided() noexcept {
    type = ObjectType::RwMutex;
    is_anew();
  }
  [[nodiscard]] bool is_held() const noexcept { return (acquisition.load(std::memory_order_relaxed) & 1U) != 0; }
};

struct GroupEvent {
  ActorKey actor{};
  StackId stack = kNoStack;
  std::int64_t delta = 0;
  std::int64_t counter = 0;  // after it
};

struct GroupObject : Object {
  static constexpr ObjectType kType = ObjectType::WaitGroup;
  static constexpr std::size_t kHistory = 8;
  std::array<GroupEvent, kHistory> history{};  // the last events, a ring
  std::uint64_t events = 0;
  GroupRounds rounds;
  order::Point done;
};

// Anything else that carries order: pthread's objects, and what the probes call acquire and release.
struct SyncObject : Object {
  static constexpr ObjectType kType = ObjectType::Other;
  FutexLock lock;  // guards the points
  order::Point written;
  order::Point read;
};

// Finds objects of one type by address. Each thread remembers what it found last, so that the usual look-up takes no
// lock; it believes that as long as no object of the same shard has gone.
template <class T>
class ObjectTable {
 public:
  constexpr ObjectTable() noexcept = default;
  // Null: not known.
  T* find(const void* address) noexcept;
  // Known already, or made here with the caller's stack as its creation.
  T& at(const void* address) noexcept;
  // Makes it anew; one that is known under this address was never destroyed and goes.
  template <class... Args>
  T& make(const void* address, Args&&... args) noexcept;
  // Takes it out; the caller owns it. Null: not known.
  T* take(const void* address) noexcept;
  void drop(const void* address) noexcept;
  // Calls visit(const T&) for each, under the lock of its shard: visit looks up no object.
  template <class Visit>
  void for_each(Visit&& visit) noexcept {
    for (Shard& shard : shards_) {
      if (!lock_within(shard.lock)) continue;
      if (shard.objects != nullptr) {
        for (const auto& [address, object] : *shard.objects) visit(*object);
      }
      shard.lock.unlock();
    }
  }

 private:
  static constexpr std::size_t kShards = 64;
  struct alignas(64) Shard {
    FutexLock lock;
    // Counts the objects that went. relaxed: who may use an object knows of its making, and of whatever went before it
    // from the same address, by the program's own order. Written under the lock.
    std::atomic<std::uint32_t> gone{0};
    OwnMap<std::uintptr_t, T*>* objects = nullptr;  // made with its first object
  };
  Shard& shard_of(const void* address) noexcept;

  std::array<Shard, kShards> shards_{};
  std::atomic<std::uint64_t> last_id_{0};
};

ObjectTable<ChannelObject>& channels() noexcept;
ObjectTable<LockObject>& lock_objects() noexcept;
ObjectTable<GroupObject>& wait_groups() noexcept;
ObjectTable<SyncObject>& sync_objects() noexcept;

void free_object(ChannelObject* channel) noexcept;
void free_object(LockObject* lock) noexcept;
void free_object(GroupObject* group) noexcept;
void free_object(SyncObject* object) noexcept;

ObjectInfo info_of(const ChannelObject& channel) noexcept;
ObjectInfo info_of(const LockObject& lock) noexcept;
ObjectInfo info_of(const GroupObject& group) noexcept;
ObjectInfo info_of(const SyncObject& object) noexcept;

// From here on the process is dying on a signal, and whoever held a lock of ours may never give it back: look-ups wait
// for a lock a bounded time, then say "not known".
void expect_broken_locks() noexcept;

}  // namespace vigil::shim
