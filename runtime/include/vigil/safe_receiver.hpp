// SafeReceiver<T>: receives until the channel is closed or its reader is told to stop, and says which.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include "vigil/channel.hpp"
#include "vigil/context.hpp"
#include "vigil/select.hpp"
#include "vigil/stop_controller.hpp"

namespace vigil {

enum class ReceiveEnd : std::uint8_t {
  None,     // not ended: the last receive() gave an item, or there was none
  Closed,   // the channel is closed and drained
  Stopped,  // told to stop; items may be left in the channel
};

// A reader of its own; one task or thread uses it at a time. On a nil channel it waits until told to stop; with two nil
// ones, and so when it was moved from, for ever.
template <Message T>
class SafeReceiver {
 public:
  SafeReceiver(ReceiveChannel<T> channel, ReceiveChannel<Unit> stopped)
      : channel_(std::move(channel)), stopped_(std::move(stopped)) {}
  SafeReceiver(ReceiveChannel<T> channel, const StopController& stop)
      : SafeReceiver(std::move(channel), stop.stopped()) {}
  SafeReceiver(ReceiveChannel<T> channel, const Context& ctx) : SafeReceiver(std::move(channel), ctx.done()) {}

  // The next item; parks the caller while there is none. Empty when the channel is closed and drained, or when told to
  // stop: then at once and for good, though items be left. end_reason() tells them apart.
  std::optional<T> receive() {
    if (end_ != ReceiveEnd::None) return std::nullopt;
    // A select takes any case that is ready; who was told to stop must not go on for as long as items come.
    if (select(on_receive(stopped_), otherwise()) == 0) return ended(ReceiveEnd::Stopped);
    std::optional<T> got;
    const auto keep = [&](std::optional<T> item) {
      if (item) got.emplace(std::move(*item));  // no assignment, which T may not have
    };
    if (select(on_receive(channel_, keep), on_receive(stopped_)) == 1) return ended(ReceiveEnd::Stopped);
    if (!got) return ended(ReceiveEnd::Closed);
    return got;
  }

  [[nodiscard]] ReceiveEnd end_reason() const noexcept { return end_; }

  // for (T& item : receiver): until it ends.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(SafeReceiver& receiver) : receiver_(&receiver) { ++*this; }
    [[nodiscard]] T& operator*() const noexcept { return *item_; }
    Iterator& operator++() {
      item_.reset();
      if (std::optional<T> next = receiver_->receive()) item_.emplace(std::move(*next));
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) noexcept { return !at.item_.has_value(); }

   private:
    SafeReceiver* receiver_;
    mutable std::optional<T> item_;
  };
  [[nodiscard]] Iterator begin() { return Iterator(*this); }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return std::default_sentinel; }

 private:
  std::optional<T> ended(ReceiveEnd why) noexcept {
    end_ = why;
    return std::nullopt;
  }

  ReceiveChannel<T> channel_;
  ReceiveChannel<Unit> stopped_;
  ReceiveEnd end_ = ReceiveEnd::None;
};

template <class Channel, class Stop>
SafeReceiver(Channel, Stop) -> SafeReceiver<typename Channel::value_type>;

}  // namespace vigil
