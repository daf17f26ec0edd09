#include "runtime/src/channel_core.hpp"

#include <cstdint>
#include <cstring>
#include <new>

#include "runtime/src/probe_calls.hpp"
#include "vigil/panic.hpp"

namespace vigil::detail {
namespace {

// Parks on a nil channel, for ever.
[[noreturn]] void block_on_nil(bool is_send) {
  Inside inside;
  const vigil_probe_case nil{.channel = nullptr, .is_send = is_send ? 1U : 0U, .reserved = 0};
  wait_for_cases(inside.actor(), is_send ? VIGIL_WAIT_NIL_SEND : VIGIL_WAIT_NIL_RECEIVE, &nil, 1);
  park_for_ever(inside);
}

}  // namespace

void throw_send_on_closed() { throw Panic("send on closed channel"); }

// ---- life --------------------------------------------------------------------------------------------------------

std::size_t ChannelCore::bytes_for(const ItemType& type, std::size_t capacity, std::size_t* slots_at) {
  *slots_at = (sizeof(ChannelCore) + type.alignment - 1) / type.alignment * type.alignment;
  if (capacity > (static_cast<std::size_t>(PTRDIFF_MAX) - *slots_at) / type.size)
    throw Panic("makechan: size out of range");
  return *slots_at + capacity * type.size;
}

ChannelCore* ChannelCore::make(const ItemType& type, std::size_t capacity) {
  std::size_t slots_at = 0;
  const std::size_t bytes = bytes_for(type, capacity, &slots_at);
  const std::align_val_t alignment{type.alignment > alignof(ChannelCore) ? type.alignment : alignof(ChannelCore)};
  auto* const memory = static_cast<std::byte*>(::operator new(bytes, alignment));
  auto* const core = ::new (memory) ChannelCore(type, capacity, memory + slots_at);
  vigil_probe_channel_make(core, capacity);
  return core;
}

void ChannelCore::release() noexcept {
  // acq_rel: what every holder did to the channel happens before it is taken apart.
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  {
    const SpinGuard held(lock_);
    if (!is_abandoned_locked())
      return;  // somebody waits here, for ever or until a close() or timeout at work takes it out
  }
  destroy();
}

bool ChannelCore::is_abandoned_locked() const noexcept {
  return references_.load(std::memory_order_acquire) == 0 && pins_ == 0 && senders_.first == nullptr &&
         receivers_.first == nullptr;
}

bool ChannelCore::is_used_beyond(std::uint32_t handles) noexcept {
  const SpinGuard held(lock_);
  return references_.load(std::memory_order_acquire) > handles || pins_ != 0 || senders_.first != nullptr ||
         receivers_.first != nullptr;
}

void ChannelCore::destroy() noexcept {
  const std::size_t items = size_.load(std::memory_order_relaxed);
  vigil_probe_channel_destroy(this, items);
  for (std::size_t i = 0; i < items; ++i) destroy_item(slot(after(first_, i)));
  const std::align_val_t alignment{type_.alignment > alignof(ChannelCore) ? type_.alignment : alignof(ChannelCore)};
  this->~ChannelCore();
  ::operator delete(static_cast<void*>(this), alignment);
}

inline void ChannelCore::copy_quickly(void* to, const void* from) const noexcept {
  if (type_.size == sizeof(std::uint64_t))
    std::memcpy(to, from, sizeof(std::uint64_t));
  else
    std::memcpy(to, from, sizeof(std::uint32_t));
}

void ChannelCore::move_item(void* to, void* from) const noexcept {
  if (type_.move != nullptr) {
    type_.move(to, from);
  } else if (type_.size == sizeof(std::uint64_t)) {  // the usual sizes without a call
    std::memcpy(to, from, sizeof(std::uint64_t));
  } else if (type_.size == sizeof(std::uint32_t)) {
    std::memcpy(to, from, sizeof(std::uint32_t));
  } else {
    std::memcpy(to, from, type_.size);
  }
}

// ---- the operations, under the lock ------------------------------------------------------------------------------

// The way of most operations on a buffered channel: a small item, room or items, nobody to wake. It calls nothing but
// its probe, so that next to nothing has to be saved around that (docs/benchmarks.md); all else is do_send().
template <Telling telling>
inline bool ChannelCore::send_quickly(Inside& inside, const void* item) noexcept {
  const std::size_t size = size_.load(std::memory_order_relaxed);
  if (!is_quick_ || size == capacity_ || receivers_.first != nullptr || closed_) return false;
  const std::size_t at = after(first_, size);
  copy_quickly(slot(at), item);
  size_.store(size + 1, std::memory_order_relaxed);
  if constexpr (telling == Telling::Told) vigil_probe_channel_send(inside.probe(), this, at);
  return true;
}

template <Telling telling>
inline bool ChannelCore::receive_quickly(Inside& inside, void* to) noexcept {
  const std::size_t size = size_.load(std::memory_order_relaxed);
  if (!is_quick_ || size == 0 || senders_.first != nullptr) return false;
  const std::size_t at = first_;
  copy_quickly(to, slot(at));
  first_ = after(at, 1);
  size_.store(size - 1, std::memory_order_relaxed);
  if constexpr (telling == Telling::Told) vigil_probe_channel_receive(inside.probe(), this, at);
  return true;
}

inline ChannelCore::Outcome ChannelCore::do_send(Inside& inside, void* item) noexcept {
  if (closed_) [[unlikely]] {
    vigil_probe_channel_misuse(inside.probe(), this, VIGIL_MISUSE_SEND_ON_CLOSED);
    return {Step::Closed, nullptr};
  }
  if (Waiter* const receiver = receivers().pop(); receiver != nullptr) {
    move_item(receiver->item, item);
    receiver->satisfied = true;
    if (capacity_ == 0) {
      vigil_probe_channel_meet(inside.probe(), &receiver->actor->probe, this);
    } else {
      vigil_probe_channel_pass(inside.probe(), &receiver->actor->probe, this, first_);
      first_ = after(first_, 1);
    }
    return {Step::Done, receiver};
  }
  const std::size_t size = size_.load(std::memory_order_relaxed);
  if (size == capacity_) return {Step::Blocked, nullptr};
  const std::size_t at = after(first_, size);
  move_item(slot(at), item);
  size_.store(size + 1, std::memory_order_relaxed);
  vigil_probe_channel_send(inside.probe(), this, at);
  return {Step::Done, nullptr};
}

inline ChannelCore::Outcome ChannelCore::do_receive(Inside& inside, void* to) noexcept {
  const std::size_t size = size_.load(std::memory_order_relaxed);
  if (size > 0) {
    const std::size_t at = first_;
    move_item(to, slot(at));
    destroy_item(slot(at));
    first_ = after(first_, 1);
    vigil_probe_channel_receive(inside.probe(), this, at);
    // A full buffer may have senders waiting: the first one's item takes the place that became free, which is the same
    // slot.
    Waiter* const sender = size == capacity_ ? senders().pop() : nullptr;
    if (sender == nullptr) {
      size_.store(size - 1, std::memory_order_relaxed);
      return {Step::Done, nullptr};
    }
    move_item(slot(at), sender->item);
    sender->satisfied = true;
    vigil_probe_channel_send(&sender->actor->probe, this, at);
    return {Step::Done, sender};
  }
  if (capacity_ == 0) {
    if (Waiter* const sender = senders().pop(); sender != nullptr) {
      move_item(to, sender->item);
      sender->satisfied = true;
      vigil_probe_channel_meet(&sender->actor->probe, inside.probe(), this);
      return {Step::Done, sender};
    }
  }
  if (closed_) {
    vigil_probe_channel_receive_closed(inside.probe(), this);
    return {Step::Closed, nullptr};
  }
  return {Step::Blocked, nullptr};
}

ChannelCore::Outcome ChannelCore::send_locked(Inside& inside, void* item) noexcept { return do_send(inside, item); }

ChannelCore::Outcome ChannelCore::receive_locked(Inside& inside, void* to) noexcept { return do_receive(inside, to); }

// ---- the operations ----------------------------------------------------------------------------------------------

template <Telling telling>
void ChannelCore::send(void* item) {
  Inside inside;
  lock_.lock();
  if (send_quickly<telling>(inside, item)) [[likely]] {
    lock_.unlock();
    return;
  }
  send_slowly(inside, item);
}

void ChannelCore::send_slowly(Inside& inside, void* item) {
  const Outcome outcome = do_send(inside, item);
  if (outcome.step == Step::Blocked) {
    Waiter waiter{.actor = &inside.actor(), .item = item};
    const vigil_probe_case wait{.channel = this, .is_send = 1, .reserved = 0};
    wait_for_cases(inside.actor(), VIGIL_WAIT_SEND, &wait, 1);
    senders().push_back(waiter);
    park(inside, unlock_after(lock_));
    if (waiter.satisfied) return;
    vigil_probe_channel_misuse(inside.probe(), this, VIGIL_MISUSE_SEND_ON_CLOSED);
    throw_send_on_closed();
  }
  lock_.unlock();  // from here the channel may be gone
  if (outcome.to_wake != nullptr) wake(inside.record(), *outcome.to_wake);
  if (outcome.step == Step::Closed) throw_send_on_closed();
}

template <Telling telling>
bool ChannelCore::receive(void* to) {
  Inside inside;
  lock_.lock();
  if (receive_quickly<telling>(inside, to)) [[likely]] {
    lock_.unlock();
    return true;
  }
  return receive_slowly(inside, to);
}

bool ChannelCore::receive_slowly(Inside& inside, void* to) noexcept {
  const Outcome outcome = do_receive(inside, to);
  if (outcome.step == Step::Blocked) {
    Waiter waiter{.actor = &inside.actor(), .item = to};
    const vigil_probe_case wait{.channel = this, .is_send = 0, .reserved = 0};
    wait_for_cases(inside.actor(), VIGIL_WAIT_RECEIVE, &wait, 1);
    receivers().push_back(waiter);
    park(inside, unlock_after(lock_));
    return waiter.satisfied;
  }
  lock_.unlock();
  if (outcome.to_wake != nullptr) wake(inside.record(), *outcome.to_wake);
  return outcome.step == Step::Done;
}

void ChannelCore::tell_default(Inside& inside, bool is_send) const noexcept {
  const vigil_probe_case one{.channel = this, .is_send = is_send ? 1U : 0U, .reserved = 0};
  vigil_probe_select_default(inside.probe());
  vigil_probe_default_taken(inside.probe(), &one, 1);
}

bool ChannelCore::try_send(void* item) {
  Inside inside;
  lock_.lock();
  const Outcome outcome = send_locked(inside, item);
  if (outcome.step == Step::Blocked) tell_default(inside, true);
  lock_.unlock();
  if (outcome.to_wake != nullptr) wake(inside.record(), *outcome.to_wake);
  if (outcome.step == Step::Closed) throw_send_on_closed();
  return outcome.step == Step::Done;
}

TryReceived ChannelCore::try_receive(void* to) {
  Inside inside;
  lock_.lock();
  const Outcome outcome = receive_locked(inside, to);
  if (outcome.step == Step::Blocked) tell_default(inside, false);
  lock_.unlock();
  if (outcome.to_wake != nullptr) wake(inside.record(), *outcome.to_wake);
  switch (outcome.step) {
    case Step::Done:
      return TryReceived::Item;
    case Step::Closed:
      return TryReceived::Closed;
    case Step::Blocked:
      break;
  }
  return TryReceived::Nothing;
}

// In portions: each waiter's memory is far from the next one's, so the lock should not be held over all of them, and
// what was just touched should be woken while it is still in the cache.
void ChannelCore::close() {
  Inside inside;
  if (!mark_closed(inside)) {
    vigil_probe_channel_misuse(inside.probe(), this, VIGIL_MISUSE_CLOSE_OF_CLOSED);
    throw Panic("close of closed channel");
  }
  wake_closed(inside);
}

bool ChannelCore::mark_closed(Inside& inside) noexcept {
  const SpinGuard held(lock_);
  if (closed_) return false;
  closed_ = true;
  vigil_probe_channel_close(inside.probe(), this);
  return true;
}

void ChannelCore::wake_closed(Inside& inside) noexcept {
  lock_.lock();
  for (;;) {
    WakeList woken;
    const bool more = take_waiters_locked(woken);
    const bool abandoned = !more && is_abandoned_locked();
    lock_.unlock();
    wake_all(inside.record(), woken);
    // With waiters left the core cannot go: release() leaves it to whoever takes the last one out.
    if (abandoned) destroy();
    if (!more) return;
    lock_.lock();
  }
}

// Of a closed channel. Receivers have nothing to receive, or they would not wait; senders will throw.
bool ChannelCore::take_waiters_locked(WakeList& woken) noexcept {
  constexpr int kPortion = 64;
  for (int i = 0; i < kPortion; ++i) {
    if (Waiter* const receiver = receivers().pop(); receiver != nullptr) {
      vigil_probe_channel_receive_closed(&receiver->actor->probe, this);
      woken.add(*receiver);
    } else if (Waiter* const sender = senders().pop(); sender != nullptr) {
      woken.add(*sender);
    } else {
      return false;
    }
  }
  return !receivers().empty() || !senders().empty();
}

// ---- from outside, where a null pointer is a nil channel ---------------------------------------------------------

ChannelCore* channel_make(const ItemType& type, std::size_t capacity) { return ChannelCore::make(type, capacity); }
void channel_retain(ChannelCore* core) noexcept { core->retain(); }
void channel_release(ChannelCore* core) noexcept { core->release(); }

void channel_send_told(ChannelCore* core, void* item) {
  if (core == nullptr) block_on_nil(true);
  core->send<Telling::Told>(item);
}
void channel_send_silently(ChannelCore* core, void* item) {
  if (core == nullptr) block_on_nil(true);
  core->send<Telling::Silent>(item);
}

bool channel_receive_told(ChannelCore* core, void* to) {
  if (core == nullptr) block_on_nil(false);
  return core->receive<Telling::Told>(to);
}
bool channel_receive_silently(ChannelCore* core, void* to) {
  if (core == nullptr) block_on_nil(false);
  return core->receive<Telling::Silent>(to);
}

bool channel_try_send(ChannelCore* core, void* item) { return core != nullptr && core->try_send(item); }

TryReceived channel_try_receive(ChannelCore* core, void* to) {
  return core != nullptr ? core->try_receive(to) : TryReceived::Nothing;
}

void channel_close(ChannelCore* core) {
  if (core == nullptr) {
    const Inside inside;
    vigil_probe_channel_misuse(inside.probe(), nullptr, VIGIL_MISUSE_CLOSE_OF_NIL);
    throw Panic("close of nil channel");
  }
  core->close();
}

std::size_t channel_size(const ChannelCore* core) noexcept {
  count_operation();  // somebody may ask again and again
  return core != nullptr ? core->size() : 0;
}
std::size_t channel_capacity(const ChannelCore* core) noexcept { return core != nullptr ? core->capacity() : 0; }

}  // namespace vigil::detail
