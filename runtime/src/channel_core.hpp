// ChannelCore: the buffer and the two wait queues of one channel, items type-erased.
//
// Invariants, whenever lock_ is free:
//   I1  size_ > 0          implies  no receiver waits.
//   I2  size_ < capacity_  implies  no sender waits.
//   I3  closed_ stays true, and implies that nobody waits; while close() works, some wait to be taken out by it.
//   I4  the items are in the slots first_ .. first_ + size_ (modulo capacity_); the k-th item ever sent used slot
//       k modulo capacity_, also when it went straight to a receiver. Clocks kept per slot are exact because of this.
// A select that waits on both sides may sit in both queues: I1 and I2 count those that can still be claimed.
// Handles count references. A task may wait here through a handle it does not own; when the last handle goes while
// somebody waits, the core stays, so that the waiting remains well defined: for ever.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/src/hidden.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/spin_lock.hpp"
#include "runtime/src/waiter.hpp"
#include "vigil/detail/channel_core.hpp"

namespace vigil::detail {

// Whether the quick way of an operation calls its probe. Silent where nobody can hear it: see channel_entry.cpp.
enum class Telling : std::uint8_t { Told, Silent };

class ChannelCore {
 public:
  static ChannelCore* make(const ItemType& type, std::size_t capacity);
  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }  // the caller has one already
  void release() noexcept;
  [[nodiscard]] std::uint32_t handles() const noexcept { return references_.load(std::memory_order_relaxed); }

  template <Telling telling>
  void send(void* item);
  template <Telling telling>
  [[nodiscard]] bool receive(void* to);
  [[nodiscard]] bool try_send(void* item);
  [[nodiscard]] TryReceived try_receive(void* to);
  void close();
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  static constexpr std::size_t watch_at() noexcept { return offsetof(ChannelCore, watch_); }

  // The two halves of close(), for who closes while holding a lock of its own: the first takes effect, the second wakes
  // who waits and comes once that lock is free. False: it was closed already.
  [[nodiscard]] bool mark_closed(Inside& inside) noexcept;
  void wake_closed(Inside& inside) noexcept;
  // Whether anybody waits here, or holds it, beyond so many handles. Once nobody does, nobody can begin to but through
  // those handles.
  [[nodiscard]] bool is_used_beyond(std::uint32_t handles) noexcept;

  // ---- for select, which locks several channels and holds them while it parks -----------------------------------
  enum class Step : std::uint8_t {
    Blocked,  // cannot proceed now; nothing was done
    Done,     // took effect
    Closed,   // receive: closed and drained; send: a misuse, already told to the watcher
  };
  struct Outcome {
    Step step;
    Waiter* to_wake;  // the peer, to be woken once the lock is free; or null
  };
  SpinLock& lock() noexcept { return lock_; }
  [[nodiscard]] Outcome send_locked(Inside& inside, void* item) noexcept;
  [[nodiscard]] Outcome receive_locked(Inside& inside, void* to) noexcept;
  WaitQueue senders() noexcept { return WaitQueue(senders_); }
  WaitQueue receivers() noexcept { return WaitQueue(receivers_); }
  void pin_locked() noexcept { ++pins_; }
  // Returns whether the caller must destroy() the core once it has unlocked it.
  [[nodiscard]] bool unpin_locked() noexcept {
    --pins_;
    return is_abandoned_locked();
  }
  void destroy() noexcept;

 private:
  // The operations, under the lock. Inlined into their few callers. quickly: false when it is not that simple.
  template <Telling telling>
  [[gnu::always_inline]] inline bool send_quickly(Inside& inside, const void* item) noexcept;
  template <Telling telling>
  [[gnu::always_inline]] inline bool receive_quickly(Inside& inside, void* to) noexcept;
  [[gnu::always_inline]] inline Outcome do_send(Inside& inside, void* item) noexcept;
  [[gnu::always_inline]] inline Outcome do_receive(Inside& inside, void* to) noexcept;
  // The whole operation, from under the lock on; they give it back.
  [[gnu::noinline]] void send_slowly(Inside& inside, void* item);
  [[nodiscard, gnu::noinline]] bool receive_slowly(Inside& inside, void* to) noexcept;
  void tell_default(Inside& inside, bool is_send) const noexcept;
  ChannelCore(const ItemType& type, std::size_t capacity, std::byte* slots) noexcept
      : is_quick_(is_quick(type)), type_(type), capacity_(capacity), slots_(slots) {}
  ~ChannelCore() = default;
  [[nodiscard]] bool take_waiters_locked(WakeList& woken) noexcept;  // a portion; true: there are more
  [[nodiscard]] bool is_abandoned_locked() const noexcept;
  static std::size_t bytes_for(const ItemType& type, std::size_t capacity, std::size_t* slots_at);

  [[nodiscard]] std::byte* slot(std::size_t index) const noexcept { return slots_ + index * type_.size; }
  [[nodiscard]] std::size_t after(std::size_t index, std::size_t by) const noexcept {
    index += by;
    return index >= capacity_ ? index - capacity_ : index;
  }
  static bool is_quick(const ItemType& type) noexcept {
    return type.move == nullptr && type.destroy == nullptr &&
           (type.size == sizeof(std::uint64_t) || type.size == sizeof(std::uint32_t));
  }
  [[gnu::always_inline]] inline void copy_quickly(void* to, const void* from) const noexcept;  // demands is_quick_
  void move_item(void* to, void* from) const noexcept;
  void destroy_item(void* item) const noexcept {
    if (type_.destroy != nullptr) type_.destroy(item);
  }

  SpinLock lock_;
  bool closed_ = false;               // guarded by lock_
  const bool is_quick_;               // items are copied in one move
  std::atomic<std::size_t> size_{0};  // items; written under lock_, read by size() without
  std::size_t first_ = 0;             // slot of the oldest item; guarded by lock_
  const ItemType type_;
  const std::size_t capacity_;  // items; 0 is a rendezvous
  std::byte* const slots_;
  WaitQueueHead senders_;    // guarded by lock_
  WaitQueueHead receivers_;  // guarded by lock_
  std::uint32_t pins_ = 0;   // guarded by lock_
  std::atomic<std::uint32_t> references_{1};
  // The watcher's: vigil_probe_runtime::channel_word. Last, and no part of what look_at_channel() calls the record:
  // with it a channel without a buffer fills its heap block to the last word, where another block's address may point.
  [[maybe_unused]] void* watch_ = nullptr;
};

// The bodies of channel_send() and channel_receive(), which are one or the other.
VIGIL_HIDDEN void channel_send_told(ChannelCore* core, void* item);
VIGIL_HIDDEN void channel_send_silently(ChannelCore* core, void* item);
[[nodiscard]] VIGIL_HIDDEN bool channel_receive_told(ChannelCore* core, void* to);
[[nodiscard]] VIGIL_HIDDEN bool channel_receive_silently(ChannelCore* core, void* to);

// What a waiting sender whose channel was closed, or a sender on a closed one, gets.
[[noreturn]] void throw_send_on_closed();

}  // namespace vigil::detail
