// select: waits for several channel operations and does exactly one of them.
//
//   vigil::select(on_receive(jobs, [&](std::optional<Job> job) { ... }),   // empty: closed and drained
//                 on_send(results, result, [&] { ... }),
//                 on_timeout(50ms, [&] { ... }),                           // or otherwise([&] { ... })
//                 ...)
//
// Semantics are those of the Go specification, "Select statements": among the operations that can proceed one is chosen
// uniformly at random; when none can, otherwise() is taken if there is one, else the caller parks until one can or the
// shortest on_timeout() is over. A case on a nil channel is never ready. Without any other case select blocks for ever.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "vigil/channel.hpp"
#include "vigil/detail/callable.hpp"
#include "vigil/detail/channel_core.hpp"
#include "vigil/detail/duration.hpp"
#include "vigil/detail/export.hpp"

namespace vigil {
namespace detail {

// One channel operation offered to select_channels().
struct SelectCase {
  ChannelCore* channel;  // null: never ready
  void* item;            // sends: what is moved from; receives: raw storage
  bool is_send;
};

struct SelectOutcome {
  enum class Kind : std::uint8_t { Channel, TimedOut, Default };
  Kind kind;
  bool received;      // for a receive: an item came; else the channel is closed
  std::size_t taken;  // index into the cases, for Kind::Channel
};

inline constexpr std::int64_t kNoTimeout = -1;

// timeout_ns: kNoTimeout waits without end. Throws Panic when a chosen send finds its channel closed.
[[nodiscard]] VIGIL_EXPORT SelectOutcome select_channels(const SelectCase* cases, std::size_t count, bool has_default,
                                                         std::int64_t timeout_ns);

struct DoNothing {
  constexpr void operator()() const noexcept {}
};

// A parameter whose copy can be called with what a channel of T gives, or with nothing.
template <class Handler, class T>
concept ReceiveCallable = (std::invocable<std::decay_t<Handler>&, std::optional<T>>) || Callable<Handler>;

template <class Face>
concept ReceiveFace = requires {
  typename std::remove_cvref_t<Face>::value_type;
}
&&(std::same_as<std::remove_cvref_t<Face>, Channel<typename std::remove_cvref_t<Face>::value_type>> ||
   std::same_as<std::remove_cvref_t<Face>, ReceiveChannel<typename std::remove_cvref_t<Face>::value_type>>);
template <class Face>
concept SendFace = requires {
  typename std::remove_cvref_t<Face>::value_type;
}
&&(std::same_as<std::remove_cvref_t<Face>, Channel<typename std::remove_cvref_t<Face>::value_type>> ||
   std::same_as<std::remove_cvref_t<Face>, SendChannel<typename std::remove_cvref_t<Face>::value_type>>);

enum class CaseKind : std::uint8_t { Receive, Send, Timeout, Otherwise };

// Face is a reference for a named channel, which outlives the select, and a value for a temporary, which is kept.
template <class Face, class Handler>
class ReceiveCase {
  using T = typename std::remove_cvref_t<Face>::value_type;

 public:
  static constexpr CaseKind kKind = CaseKind::Receive;
  ReceiveCase(Face&& face, Handler&& handler) : face_(std::forward<Face>(face)), handler_(std::move(handler)) {}

  [[nodiscard]] SelectCase offer() noexcept { return {core_of(face_), box_.storage(), false}; }
  void taken(bool received) {
    box_.set_full(received);
    if constexpr (std::invocable<Handler&, std::optional<T>>) {
      std::optional<T> item = box_.take_optional();
      static_cast<void>(handler_(std::move(item)));
    } else {
      static_cast<void>(handler_());
    }
  }

 private:
  Face face_;
  Handler handler_;
  ItemBox<T> box_;
};

template <class Face, class Handler>
class SendCase {
  using T = typename std::remove_cvref_t<Face>::value_type;

 public:
  static constexpr CaseKind kKind = CaseKind::Send;
  SendCase(Face&& face, T&& value, Handler&& handler)
      : face_(std::forward<Face>(face)), value_(std::move(value)), handler_(std::move(handler)) {}

  [[nodiscard]] SelectCase offer() noexcept { return {core_of(face_), std::addressof(value_), true}; }
  void taken(bool /*received*/) { static_cast<void>(handler_()); }

 private:
  Face face_;
  T value_;
  Handler handler_;
};

template <class Handler>
struct TimeoutCase {
  static constexpr CaseKind kKind = CaseKind::Timeout;
  std::int64_t timeout_ns;
  Handler handler;
  void taken(bool /*received*/) { static_cast<void>(handler()); }
};

template <class Handler>
struct OtherwiseCase {
  static constexpr CaseKind kKind = CaseKind::Otherwise;
  Handler handler;
  void taken(bool /*received*/) { static_cast<void>(handler()); }
};

template <class Case>
concept SelectArgument = requires {
  { std::remove_cvref_t<Case>::kKind } -> std::convertible_to<CaseKind>;
};

template <class Case>
inline constexpr bool kIsChannelCase =
    std::remove_cvref_t<Case>::kKind == CaseKind::Receive || std::remove_cvref_t<Case>::kKind == CaseKind::Send;

}  // namespace detail

// Receives from `channel`; handler takes std::optional<T>, empty when the channel is closed and drained, or nothing.
template <detail::ReceiveFace Face,
          detail::ReceiveCallable<typename std::remove_cvref_t<Face>::value_type> Handler = detail::DoNothing>
[[nodiscard]] auto on_receive(Face&& channel, Handler&& handler = {}) {
  return detail::ReceiveCase<Face, std::decay_t<Handler>>(std::forward<Face>(channel),
                                                          std::decay_t<Handler>(std::forward<Handler>(handler)));
}

// Sends `value` on `channel`; value is moved from only when this case is taken.
// A closed channel is ready to be sent on: choosing it throws Panic.
template <detail::SendFace Face, detail::Callable Handler = detail::DoNothing>
[[nodiscard]] auto on_send(Face&& channel, typename std::remove_cvref_t<Face>::value_type value,
                           Handler&& handler = {}) {
  return detail::SendCase<Face, std::decay_t<Handler>>(std::forward<Face>(channel), std::move(value),
                                                       std::decay_t<Handler>(std::forward<Handler>(handler)));
}

// Taken when nothing else could proceed for `timeout`; zero or less: when nothing can proceed at once.
template <class Rep, class Period, detail::Callable Handler = detail::DoNothing>
[[nodiscard]] auto on_timeout(std::chrono::duration<Rep, Period> timeout, Handler&& handler = {}) {
  const std::int64_t timeout_ns = detail::to_ns(timeout);
  return detail::TimeoutCase<std::decay_t<Handler>>{timeout_ns > 0 ? timeout_ns : 0, std::forward<Handler>(handler)};
}

// Taken when no other case can proceed at once: Go's default.
template <detail::Callable Handler = detail::DoNothing>
[[nodiscard]] auto otherwise(Handler&& handler = {}) {
  return detail::OtherwiseCase<std::decay_t<Handler>>{std::forward<Handler>(handler)};
}

// Does one of the cases and runs its handler, in the caller, after the operation is complete. Returns its position.
// An exception of the handler leaves select(); the operation stays done. Cost: O(cases), no allocation up to 64.
template <detail::SelectArgument... Cases>
std::size_t select(Cases&&... cases) {
  constexpr std::size_t kChannelCases = (std::size_t{0} + ... + (detail::kIsChannelCase<Cases> ? 1 : 0));
  constexpr std::size_t kDefaults =
      (std::size_t{0} + ... + (std::remove_cvref_t<Cases>::kKind == detail::CaseKind::Otherwise ? 1 : 0));
  static_assert(kDefaults <= 1, "a select has at most one otherwise()");

  detail::SelectCase offered[kChannelCases + 1] = {};
  std::size_t positions[kChannelCases + 1] = {};  // of each offered case among the arguments
  std::size_t offers = 0;
  std::size_t timeout_position = 0;
  std::size_t default_position = 0;
  std::int64_t timeout_ns = detail::kNoTimeout;
  std::size_t position = 0;
  [[maybe_unused]] const auto look_at = [&](auto& each) {
    using Case = std::remove_cvref_t<decltype(each)>;
    if constexpr (detail::kIsChannelCase<Case>) {
      positions[offers] = position;
      offered[offers++] = each.offer();
    } else if constexpr (Case::kKind == detail::CaseKind::Timeout) {
      if (timeout_ns == detail::kNoTimeout || each.timeout_ns < timeout_ns) {
        timeout_ns = each.timeout_ns;
        timeout_position = position;
      }
    } else {
      default_position = position;
    }
    ++position;
  };
  (look_at(cases), ...);

  const detail::SelectOutcome outcome = detail::select_channels(offered, offers, kDefaults != 0, timeout_ns);
  std::size_t chosen = default_position;
  if (outcome.kind == detail::SelectOutcome::Kind::Channel) chosen = positions[outcome.taken];
  if (outcome.kind == detail::SelectOutcome::Kind::TimedOut) chosen = timeout_position;

  position = 0;
  [[maybe_unused]] const auto run = [&](auto& each) {
    const bool mine = position++ == chosen;
    if (mine) each.taken(outcome.received);
    return mine;
  };
  static_cast<void>((run(cases) || ...));
  return chosen;
}

}  // namespace vigil
