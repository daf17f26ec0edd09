// Selector: a select whose cases are known only when the program runs. Source: reflect.Select.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "vigil/channel.hpp"
#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/duration.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/job.hpp"
#include "vigil/select.hpp"

namespace vigil {

// Cases are numbered in the order in which they were added. May be used again and again; by one task or thread at a
// time; a handler may change it, select again, or end it. Keeps its channels alive. Can be moved, not copied; one moved
// from has no cases. The rules are those of select(): see there.
class Selector {
 public:
  Selector() = default;
  Selector(Selector&&) noexcept = default;
  Selector& operator=(Selector&&) noexcept = default;
  Selector(const Selector&) = delete;
  Selector& operator=(const Selector&) = delete;
  ~Selector() = default;

  // handler takes std::optional<T>, empty when the channel is closed and drained, or nothing.
  template <detail::ReceiveFace Face,
            detail::ReceiveCallable<typename std::remove_cvref_t<Face>::value_type> Handler = detail::DoNothing>
  Selector& add_receive(Face&& channel, Handler&& handler = {}) {
    using T = typename std::remove_cvref_t<Face>::value_type;
    cases_.push_back(std::make_shared<Receive<T, std::decay_t<Handler>>>(ReceiveChannel<T>(std::forward<Face>(channel)),
                                                                         std::forward<Handler>(handler)));
    return *this;
  }

  // Each select() that takes this case sends a copy of value. One that cannot be copied is sent once: afterwards this
  // case is never ready again, as if its channel were nil.
  template <detail::SendFace Face, detail::Callable Handler = detail::DoNothing>
  Selector& add_send(Face&& channel, typename std::remove_cvref_t<Face>::value_type value, Handler&& handler = {}) {
    using T = typename std::remove_cvref_t<Face>::value_type;
    cases_.push_back(std::make_shared<Send<T, std::decay_t<Handler>>>(
        SendChannel<T>(std::forward<Face>(channel)), std::move(value), std::forward<Handler>(handler)));
    return *this;
  }

  // Counts from each select() anew. Of several the shortest holds.
  template <class Rep, class Period, detail::Callable Handler = detail::DoNothing>
  Selector& add_timeout(std::chrono::duration<Rep, Period> timeout, Handler&& handler = {}) {
    const std::int64_t timeout_ns = detail::to_ns(timeout);
    cases_.push_back(std::make_shared<Bare>(Kind::Timeout, timeout_ns > 0 ? timeout_ns : 0,
                                            detail::Job(std::forward<Handler>(handler))));
    return *this;
  }

  // Throws Panic ("multiple defaults in select") when there is one already.
  template <detail::Callable Handler = detail::DoNothing>
  Selector& add_otherwise(Handler&& handler = {}) {
    demand_no_default();
    cases_.push_back(std::make_shared<Bare>(Kind::Otherwise, 0, detail::Job(std::forward<Handler>(handler))));
    return *this;
  }

  // Does one of the cases and runs its handler, in the caller. Returns its number. Without cases: parks for ever.
  // Errors: Panic when a chosen send finds its channel closed; what the handler throws, the operation being done.
  [[gnu::always_inline]] std::size_t select() {
    const std::size_t taken = select_outlined();
    detail::keep_callers_frame();
    return taken;
  }

  [[nodiscard]] std::size_t size() const noexcept { return cases_.size(); }
  void clear() noexcept { cases_.clear(); }

 private:
  enum class Kind : std::uint8_t { Channel, Timeout, Otherwise };

  struct Case {
    explicit Case(Kind given) noexcept : kind(given) {}
    Case(const Case&) = delete;
    Case& operator=(const Case&) = delete;
    virtual ~Case() = default;
    virtual detail::SelectCase offer() { return {nullptr, nullptr, false}; }
    virtual void taken(bool received) = 0;
    const Kind kind;
    std::int64_t timeout_ns = detail::kNoTimeout;
  };

  struct Bare final : Case {
    Bare(Kind given, std::int64_t after_ns, detail::Job job) : Case(given), handler(std::move(job)) {
      timeout_ns = after_ns;
    }
    void taken(bool /*received*/) override { handler(); }
    detail::Job handler;
  };

  template <Message T, class Handler>
  struct Receive final : Case {
    Receive(ReceiveChannel<T> face, Handler given)
        : Case(Kind::Channel), channel(std::move(face)), handler(std::move(given)) {}
    detail::SelectCase offer() override {
      box.emplace();
      return {detail::core_of(channel), box->storage(), false};
    }
    void taken(bool received) override {
      box->set_full(received);
      if constexpr (std::invocable<Handler&, std::optional<T>>) {
        std::optional<T> item = box->take_optional();
        static_cast<void>(handler(std::move(item)));
      } else {
        static_cast<void>(handler());
      }
    }
    ReceiveChannel<T> channel;
    Handler handler;
    std::optional<detail::ItemBox<T>> box;  // a new one for each select
  };

  template <Message T, class Handler>
  struct Send final : Case {
    Send(SendChannel<T> face, T given_value, Handler given)
        : Case(Kind::Channel), channel(std::move(face)), value(std::move(given_value)), handler(std::move(given)) {}
    detail::SelectCase offer() override {
      if constexpr (std::copy_constructible<T>) {
        copy.emplace(value);
        return {detail::core_of(channel), std::addressof(*copy), true};
      } else {
        return {detail::core_of(channel), std::addressof(value), true};
      }
    }
    void taken(bool /*received*/) override {
      if constexpr (!std::copy_constructible<T>) channel = SendChannel<T>();
      static_cast<void>(handler());
    }
    SendChannel<T> channel;
    T value;
    std::optional<T> copy;
    Handler handler;
  };

  VIGIL_EXPORT std::size_t select_outlined();
  VIGIL_EXPORT void demand_no_default() const;

  std::vector<std::shared_ptr<Case>> cases_;  // shared with the select() that runs its handler
};

}  // namespace vigil
