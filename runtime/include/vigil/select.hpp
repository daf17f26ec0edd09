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
#include <tuple>
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

// Not instrumented, where the rest is: the cases are nobody's but their select's, as Go's runtime's own memory is
// nobody's but its own. (A compiler that does not instrument puts it in place.)
__attribute__((no_sanitize("thread"))) inline void put_case(SelectCase& at, ChannelCore* channel, void* item,
                                                            bool is_send) noexcept {
  at = {channel, item, is_send};
}

// Of what receives nothing.
struct NoRoom {};

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
  using Room = ItemRoom<T>;
  static constexpr CaseKind kKind = CaseKind::Receive;
  ReceiveCase(Face&& face, Handler&& handler) : face_(std::forward<Face>(face)), handler_(std::move(handler)) {}

  [[nodiscard]] ChannelCore* channel() const noexcept { return core_of(face_); }
  [[nodiscard]] void* item(Room& room) noexcept { return room.storage(); }
  void taken(Room& room, bool received) {
    std::optional<T> item = room.take(received);
    if constexpr (std::invocable<Handler&, std::optional<T>>) {
      static_cast<void>(handler_(std::move(item)));
    } else {
      static_cast<void>(handler_());
    }
  }

 private:
  Face face_;
  Handler handler_;
};

template <class Face, class Handler>
class SendCase {
  using T = typename std::remove_cvref_t<Face>::value_type;

 public:
  using Room = NoRoom;
  static constexpr CaseKind kKind = CaseKind::Send;
  SendCase(Face&& face, T&& value, Handler&& handler)
      : face_(std::forward<Face>(face)), value_(std::move(value)), handler_(std::move(handler)) {}

  [[nodiscard]] ChannelCore* channel() const noexcept { return core_of(face_); }
  [[nodiscard]] void* item(NoRoom& /*room*/) noexcept { return std::addressof(value_); }
  void taken(NoRoom& /*room*/, bool /*received*/) { static_cast<void>(handler_()); }

 private:
  Face face_;
  T value_;
  Handler handler_;
};

template <class Handler>
struct TimeoutCase {
  using Room = NoRoom;
  static constexpr CaseKind kKind = CaseKind::Timeout;
  std::int64_t timeout_ns;
  Handler handler;
  void taken(NoRoom& /*room*/, bool /*received*/) { static_cast<void>(handler()); }
};

template <class Handler>
struct OtherwiseCase {
  using Room = NoRoom;
  static constexpr CaseKind kKind = CaseKind::Otherwise;
  Handler handler;
  void taken(NoRoom& /*room*/, bool /*received*/) { static_cast<void>(handler()); }
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

  detail::SelectCase offered[kChannelCases + 1];
  if constexpr (kChannelCases == 0) offered[0] = {};  // else each is filled below
  std::tuple<typename std::remove_cvref_t<Cases>::Room...> rooms;
  std::size_t offers = 0;
  std::int64_t timeout_ns = detail::kNoTimeout;
  std::size_t timeout_position = 0;
  std::size_t position = 0;
  [[maybe_unused]] const auto look_at = [&](auto& each, auto& room) {
    using Case = std::remove_cvref_t<decltype(each)>;
    if constexpr (detail::kIsChannelCase<Case>) {
      detail::put_case(offered[offers++], each.channel(), each.item(room), Case::kKind == detail::CaseKind::Send);
    } else if constexpr (Case::kKind == detail::CaseKind::Timeout) {
      if (timeout_ns == detail::kNoTimeout || each.timeout_ns < timeout_ns) {
        timeout_ns = each.timeout_ns;
        timeout_position = position;
      }
    }
    ++position;
  };
  std::apply([&](auto&... room) { (look_at(cases, room), ...); }, rooms);

  using Outcome = detail::SelectOutcome;
  const Outcome outcome = detail::select_channels(offered, offers, kDefaults != 0, timeout_ns);

  position = 0;
  offers = 0;
  [[maybe_unused]] const auto run = [&](auto& each, auto& room) {
    using Case = std::remove_cvref_t<decltype(each)>;
    bool is_mine = false;
    if constexpr (detail::kIsChannelCase<Case>) {
      is_mine = outcome.kind == Outcome::Kind::Channel && outcome.taken == offers++;
    } else if constexpr (Case::kKind == detail::CaseKind::Timeout) {
      is_mine = outcome.kind == Outcome::Kind::TimedOut && position == timeout_position;
    } else {
      is_mine = outcome.kind == Outcome::Kind::Default;
    }
    if (is_mine) {
      each.taken(room, outcome.received);
    } else {
      ++position;
    }
    return is_mine;
  };
  std::apply([&](auto&... room) { static_cast<void>((run(cases, room) || ...)); }, rooms);
  return position;
}

}  // namespace vigil
