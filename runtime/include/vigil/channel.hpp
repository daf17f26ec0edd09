// Channel<T>, and its two directions SendChannel<T> and ReceiveChannel<T>: the typed faces of ChannelCore.
//
// A channel is a handle: copies share it, and one that is default-constructed or moved from is nil. All operations are
// const, since they change the channel and not the handle. They may be called from tasks and from plain threads, in any
// mixture. Ordering (Go memory model, channel communication):
//   - a send happens before the matching receive completes;
//   - the close happens before a receive that returns because the channel is closed;
//   - with capacity 0 the receive happens before the matching send completes;
//   - with capacity C the k-th receive happens before the (k+C)-th send completes.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/channel_core.hpp"

namespace vigil {

// What a channel carries that only signals: Go's struct{}.
struct Unit {
  friend constexpr bool operator==(Unit, Unit) noexcept { return true; }
};

template <Message T>
class SendChannel;
template <Message T>
class ReceiveChannel;

namespace detail {

template <class Face>
[[nodiscard]] ChannelCore* core_of(const Face& face) noexcept {
  return face.handle_.core();
}

// Receives until the channel is closed and drained. Keeps the channel alive.
template <Message T>
class ReceiveIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;

  explicit ReceiveIterator(const ChannelHandle& handle) : handle_(handle) { ++*this; }
  [[nodiscard]] T& operator*() const noexcept { return *item_; }
  [[nodiscard]] T* operator->() const noexcept { return std::addressof(*item_); }
  ReceiveIterator& operator++() {
    item_.reset();
    ItemRoom<T> room;
    if (channel_receive(handle_.core(), room.storage())) {
      item_.emplace(room.item());
      room.drop();
    }
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const ReceiveIterator& at, std::default_sentinel_t) noexcept { return !at.item_.has_value(); }

 private:
  ChannelHandle handle_;
  mutable std::optional<T> item_;
};

// The operations of each direction, once; the public classes below choose among them.
template <Message T>
bool try_send(ChannelCore* core, T& value) {
  const bool sent = channel_try_send(core, std::addressof(value));
  keep_callers_frame();  // the item may be the caller's own: then nothing here outlives the call
  return sent;
}
template <Message T>
std::optional<T> receive(ChannelCore* core) {
  ItemRoom<T> room;
  const bool received = channel_receive(core, room.storage());
  return room.take(received);
}
template <Message T>
T receive_or_zero(ChannelCore* core) {
  ItemRoom<T> room;
  if (!channel_receive(core, room.storage())) return T{};
  T taken(room.item());
  room.drop();
  return taken;
}
template <Message T>
std::optional<T> try_receive(ChannelCore* core) {
  ItemRoom<T> room;
  const bool received = channel_try_receive(core, room.storage()) == TryReceived::Item;
  return room.take(received);
}

}  // namespace detail

template <Message T>
class Channel {
 public:
  using value_type = T;

  // A nil channel: sending and receiving block for ever, close() is a misuse.
  constexpr Channel() noexcept = default;
  // A channel with room for `capacity` items; 0 is a rendezvous. Throws Panic when the size is out of range.
  explicit Channel(std::size_t capacity) : handle_(detail::channel_make(detail::kItemType<T>, capacity)) {}
  [[nodiscard]] static Channel make(std::size_t capacity = 0) { return Channel(capacity); }

  // Sends value, parking the caller while the channel is full (capacity 0: until a receiver takes it).
  // Demands: the channel is open; sending on a closed one, or one closed while waiting, throws Panic.
  // On a nil channel it blocks for ever. Cost: O(1), no allocation.
  void send(T value) const { detail::channel_send(handle_.core(), std::addressof(value)); }
  // Sends when that needs no wait, and says whether it did; a value not sent stays with the caller. Nil: false.
  // Throws Panic when the channel is closed.
  [[nodiscard]] bool try_send(T&& value) const { return detail::try_send(handle_.core(), value); }
  [[nodiscard]] bool try_send(const T& value) const requires std::copy_constructible<T> {
    T copy(value);
    return detail::try_send(handle_.core(), copy);
  }

  // The next item in the order sent, parking the caller while there is none; empty when the channel is closed and
  // drained. On a nil channel it blocks for ever. Cost: O(1), no allocation.
  std::optional<T> receive() const { return detail::receive<T>(handle_.core()); }  // NOLINT: may be only a wait
  // Go's single-value receive: T{} stands for "closed and drained".
  T receive_or_zero() const requires std::default_initializable<T> {  // NOLINT: as above
    return detail::receive_or_zero<T>(handle_.core());
  }
  // An item if one can be had without waiting. Empty also when closed and drained, or nil; select() tells these apart.
  std::optional<T> try_receive() const { return detail::try_receive<T>(handle_.core()); }  // NOLINT: as above

  // No more sends. Wakes every waiting receiver once the items are drained, and makes waiting senders throw Panic.
  // Throws Panic when the channel is nil or already closed.
  void close() const {
    detail::channel_close(handle_.core());
    detail::keep_callers_frame();
  }

  [[nodiscard]] std::size_t size() const noexcept { return detail::channel_size(handle_.core()); }          // nil: 0
  [[nodiscard]] std::size_t capacity() const noexcept { return detail::channel_capacity(handle_.core()); }  // nil: 0

  // for (T& item : channel): receives until closed and drained; on a nil channel the loop waits for ever, before its
  // first item. It keeps the channel alive.
  [[nodiscard]] auto begin() const { return detail::ReceiveIterator<T>(handle_); }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return std::default_sentinel; }

  [[nodiscard]] bool is_nil() const noexcept { return handle_.core() == nullptr; }
  explicit operator bool() const noexcept { return !is_nil(); }
  // The same channel, or both nil.
  friend bool operator==(const Channel& a, const Channel& b) noexcept { return a.handle_.core() == b.handle_.core(); }

 private:
  friend class SendChannel<T>;
  friend class ReceiveChannel<T>;
  template <class Face>
  friend detail::ChannelCore* detail::core_of(const Face& face) noexcept;
  detail::ChannelHandle handle_;
};

// chan<- T: what may send and close. Each operation is Channel's.
template <Message T>
class SendChannel {
 public:
  using value_type = T;

  constexpr SendChannel() noexcept = default;
  SendChannel(const Channel<T>& channel) noexcept : handle_(channel.handle_) {}        // NOLINT: Go converts implicitly
  SendChannel(Channel<T>&& channel) noexcept : handle_(std::move(channel.handle_)) {}  // NOLINT: as above

  void send(T value) const { detail::channel_send(handle_.core(), std::addressof(value)); }
  [[nodiscard]] bool try_send(T&& value) const { return detail::try_send(handle_.core(), value); }
  [[nodiscard]] bool try_send(const T& value) const requires std::copy_constructible<T> {
    T copy(value);
    return detail::try_send(handle_.core(), copy);
  }
  void close() const {
    detail::channel_close(handle_.core());
    detail::keep_callers_frame();
  }

  [[nodiscard]] std::size_t size() const noexcept { return detail::channel_size(handle_.core()); }
  [[nodiscard]] std::size_t capacity() const noexcept { return detail::channel_capacity(handle_.core()); }
  [[nodiscard]] bool is_nil() const noexcept { return handle_.core() == nullptr; }
  explicit operator bool() const noexcept { return !is_nil(); }
  friend bool operator==(const SendChannel& a, const SendChannel& b) noexcept {
    return a.handle_.core() == b.handle_.core();
  }

 private:
  template <class Face>
  friend detail::ChannelCore* detail::core_of(const Face& face) noexcept;
  detail::ChannelHandle handle_;
};

// <-chan T: what may receive. Each operation is Channel's; there is no close, as in Go.
template <Message T>
class ReceiveChannel {
 public:
  using value_type = T;

  constexpr ReceiveChannel() noexcept = default;
  ReceiveChannel(const Channel<T>& channel) noexcept : handle_(channel.handle_) {}  // NOLINT: Go converts implicitly
  ReceiveChannel(Channel<T>&& channel) noexcept : handle_(std::move(channel.handle_)) {}  // NOLINT: as above

  std::optional<T> receive() const { return detail::receive<T>(handle_.core()); }  // NOLINT: see Channel
  T receive_or_zero() const requires std::default_initializable<T> {               // NOLINT: see Channel
    return detail::receive_or_zero<T>(handle_.core());
  }
  std::optional<T> try_receive() const { return detail::try_receive<T>(handle_.core()); }  // NOLINT: see Channel

  [[nodiscard]] std::size_t size() const noexcept { return detail::channel_size(handle_.core()); }
  [[nodiscard]] std::size_t capacity() const noexcept { return detail::channel_capacity(handle_.core()); }
  [[nodiscard]] auto begin() const { return detail::ReceiveIterator<T>(handle_); }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return std::default_sentinel; }
  [[nodiscard]] bool is_nil() const noexcept { return handle_.core() == nullptr; }
  explicit operator bool() const noexcept { return !is_nil(); }
  friend bool operator==(const ReceiveChannel& a, const ReceiveChannel& b) noexcept {
    return a.handle_.core() == b.handle_.core();
  }

 private:
  template <class Face>
  friend detail::ChannelCore* detail::core_of(const Face& face) noexcept;
  detail::ChannelHandle handle_;
};

}  // namespace vigil
