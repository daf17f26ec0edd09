#include "interpose/objects.hpp"

#include <algorithm>

#include "interpose/raw_syscall.hpp"

namespace vigil::shim {
namespace {

constinit std::atomic<bool> locks_may_be_broken{false};

// Locks a shard, or gives up when the process is dying.
class ShardGuard {
 public:
  explicit ShardGuard(FutexLock& lock) noexcept : lock_(lock), held_(lock_within(lock)) {}
  ~ShardGuard() {
    if (held_) lock_.unlock();
  }
  ShardGuard(const ShardGuard&) = delete;
  ShardGuard& operator=(const ShardGuard&) = delete;
  explicit operator bool() const noexcept { return held_; }

 private:
  FutexLock& lock_;
  const bool held_;
};

std::size_t mix(std::uintptr_t address) noexcept {
  // Fibonacci hashing; objects are aligned, so the low bits say nothing.
  return static_cast<std::size_t>((address >> 3U) * 0x9e3779b97f4a7c15ULL >> 32U);
}

constinit FutexLock free_locks_guard;
constinit LockObject* free_locks = nullptr;

LockObject* recycle_lock() noexcept {
  free_locks_guard.lock();
  LockObject* const found = free_locks;
  if (found != nullptr) free_locks = found->next_free;
  free_locks_guard.unlock();
  return found;
}

template <class T, class... Args>
T* new_object(Args&&... args) noexcept {
  return own_new<T>(std::forward<Args>(args)...);
}

template <>
LockObject* new_object<LockObject>() noexcept {
  LockObject* const old = recycle_lock();
  if (old == nullptr) return own_new<LockObject>();
  old->wandered.store(false, std::memory_order_relaxed);
  old->abandoned.store(false, std::memory_order_relaxed);
  old->type = ObjectType::Mutex;
  old->is_spin = false;
  old->prefers_writers = true;
  old->written = order::Point();
  old->read = order::Point();
  return old;
}

}  // namespace

SlotPoints::~SlotPoints() {
  for (Block* const block : blocks_) own_delete(block);
}

void SlotPoints::step(order::Clocks& actor, std::size_t slot) noexcept {
  const std::size_t point = slot % kMost;
  const std::size_t block = point / kPerBlock;
  if (block >= blocks_.size()) {
    const std::size_t all = (std::min(std::max<std::size_t>(capacity_, 1), kMost) + kPerBlock - 1) / kPerBlock;
    blocks_.resize(std::max(all, block + 1), nullptr);
  }
  if (blocks_[block] == nullptr) blocks_[block] = own_new<Block>();
  order::Point& at = (*blocks_[block])[point % kPerBlock];
  if (capacity_ <= kMost) {
    order::exchange(actor, at);
  } else {
    order::acquire(actor, at);
    order::release_merge(actor, at);
  }
}

void SlotPoints::acquire_all(order::Clocks& actor) const noexcept {
  for (const Block* const block : blocks_) {
    if (block == nullptr) continue;
    for (const order::Point& at : *block) order::acquire(actor, at, order::Edge::Lock);
  }
}

template <class T>
typename ObjectTable<T>::Shard& ObjectTable<T>::shard_of(const void* address) noexcept {
  return shards_[mix(reinterpret_cast<std::uintptr_t>(address)) % kShards];
}

namespace {
template <class T>
struct Remembered {
  std::uintptr_t not_address = 0;  // inverted: a search of memory (leaks/proof.hpp) must not take it for a handle
  T* object = nullptr;
  std::uint32_t gone = 0;  // of its shard when it was found
};
constexpr unsigned kRememberedBits = 4;  // 384 bytes of each thread for each type
template <class T>
thread_local constinit std::array<Remembered<T>, std::size_t{1} << kRememberedBits> remembered
    __attribute__((tls_model("initial-exec"))) = {};
}  // namespace

template <class T>
T* ObjectTable<T>::find(const void* address) noexcept {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  Shard& shard = shard_of(address);
  Remembered<T>& place = remembered<T>[(number * 0x9e3779b97f4a7c15ULL) >> (64 - kRememberedBits)];
  if (place.not_address == ~number && place.gone == shard.gone.load(std::memory_order_relaxed)) [[likely]]
    return place.object;
  const ShardGuard held(shard.lock);
  if (!held || shard.objects == nullptr) return nullptr;
  const auto found = shard.objects->find(number);
  if (found == shard.objects->end()) return nullptr;
  place = {~number, found->second, shard.gone.load(std::memory_order_relaxed)};
  return found->second;
}

template <class T>
template <class... Args>
T& ObjectTable<T>::make(const void* address, Args&&... args) noexcept {
  T* const made = new_object<T>(std::forward<Args>(args)...);
  made->address = reinterpret_cast<std::uintptr_t>(address);
  made->id = last_id_.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: a number, nothing rides on it
  made->created_at = capture_stack();
  Shard& shard = shard_of(address);
  T* old = nullptr;
  {
    const ShardGuard held(shard.lock);
    if (!held) return *made;
    if (shard.objects == nullptr) shard.objects = own_new<OwnMap<std::uintptr_t, T*>>();
    T*& place = (*shard.objects)[made->address];
    old = std::exchange(place, made);
    if (old != nullptr) shard.gone.fetch_add(1, std::memory_order_relaxed);
  }
  if (old != nullptr) free_object(old);
  return *made;
}

template <class T>
T& ObjectTable<T>::at(const void* address) noexcept {
  if (T* const known = find(address)) return *known;
  T* const made = new_object<T>();
  made->address = reinterpret_cast<std::uintptr_t>(address);
  made->created_at = capture_stack();
  Shard& shard = shard_of(address);
  T* known = nullptr;
  {
    const ShardGuard held(shard.lock);
    if (!held) return *made;
    if (shard.objects == nullptr) shard.objects = own_new<OwnMap<std::uintptr_t, T*>>();
    T*& place = (*shard.objects)[made->address];
    if (place == nullptr) {
      made->id = last_id_.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: as in make()
      place = made;
    }
    known = place;
  }
  if (known != made) free_object(made);  // another actor saw it first
  return *known;
}

template <class T>
T* ObjectTable<T>::take(const void* address) noexcept {
  Shard& shard = shard_of(address);
  const ShardGuard held(shard.lock);
  if (!held || shard.objects == nullptr) return nullptr;
  const auto found = shard.objects->find(reinterpret_cast<std::uintptr_t>(address));
  if (found == shard.objects->end()) return nullptr;
  T* const taken = found->second;
  shard.objects->erase(found);
  shard.gone.fetch_add(1, std::memory_order_relaxed);
  return taken;
}

template <class T>
void ObjectTable<T>::drop(const void* address) noexcept {
  if (T* const taken = take(address)) free_object(taken);
}

namespace {
constinit ObjectTable<ChannelObject> channel_table;
constinit ObjectTable<LockObject> lock_table;
constinit ObjectTable<GroupObject> group_table;
constinit ObjectTable<SyncObject> sync_table;
}  // namespace

ObjectTable<ChannelObject>& channels() noexcept { return channel_table; }
ObjectTable<LockObject>& lock_objects() noexcept { return lock_table; }
ObjectTable<GroupObject>& wait_groups() noexcept { return group_table; }
ObjectTable<SyncObject>& sync_objects() noexcept { return sync_table; }

void free_object(ChannelObject* channel) noexcept { own_delete(channel); }
void free_object(GroupObject* group) noexcept { own_delete(group); }
void free_object(SyncObject* object) noexcept { own_delete(object); }
void free_object(LockObject* lock) noexcept {
  // Whoever remembers it for its address (find_lock.hpp) must see that it has none.
  __atomic_store_n(&lock->address, 0, __ATOMIC_RELAXED);
  // Whoever still has it in a HeldLocks must see that it is not held as it was.
  lock->is_anew();
  lock->written = order::Point();
  lock->read = order::Point();
  free_locks_guard.lock();
  lock->next_free = free_locks;
  free_locks = lock;
  free_locks_guard.unlock();
}

namespace {
ObjectInfo plain_info(const Object& object, ObjectType type, std::int64_t capacity) noexcept {
  return {
      .type = type, .id = object.id, .capacity = capacity, .address = object.address, .created_at = object.created_at};
}
}  // namespace

ObjectInfo info_of(const ChannelObject& channel) noexcept {
  return plain_info(channel, ChannelObject::kType, static_cast<std::int64_t>(channel.capacity));
}
ObjectInfo info_of(const LockObject& lock) noexcept { return plain_info(lock, lock.type, -1); }
ObjectInfo info_of(const GroupObject& group) noexcept { return plain_info(group, GroupObject::kType, -1); }
ObjectInfo info_of(const SyncObject& object) noexcept { return plain_info(object, SyncObject::kType, -1); }

bool lock_within(FutexLock& lock) noexcept {
  if (!locks_may_be_broken.load(std::memory_order_relaxed)) [[likely]] {  // set by the thread that reads it
    lock.lock();
    return true;
  }
  constexpr int kTries = 1000;  // some milliseconds
  for (int i = 0; i < kTries; ++i) {
    if (lock.try_lock()) return true;
    raw_syscall(SYS_sched_yield);
  }
  return false;
}

void expect_broken_locks() noexcept { locks_may_be_broken.store(true, std::memory_order_relaxed); }

// A channel is never made by its first use: its capacity would not be known.
template ChannelObject* ObjectTable<ChannelObject>::find(const void*) noexcept;
template ChannelObject& ObjectTable<ChannelObject>::make(const void*, std::size_t&) noexcept;
template void ObjectTable<ChannelObject>::drop(const void*) noexcept;
template class ObjectTable<LockObject>;
template class ObjectTable<GroupObject>;
template class ObjectTable<SyncObject>;

}  // namespace vigil::shim
