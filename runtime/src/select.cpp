// select: lock all channels in address order; look, enqueue, park; dequeue.
//
// As in Go (runtime/select.go), with one step before it: cases are first tried one by one, in random order, each under
// its own channel's lock alone. A case found ready so was ready at that moment, and the order is uniform, so it may be
// taken; only a select that finds nothing must look at all channels at once, for "none can proceed" is a statement
// about one moment.
#include "vigil/select.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <span>

#include "runtime/src/channel_core.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"
#include "runtime/src/turns.hpp"

namespace vigil::detail {
namespace {

using Step = ChannelCore::Step;

// One case on a channel that is not nil, at work.
struct Offer {
  ChannelCore* channel;
  void* item;
  std::uint32_t position;  // among the caller's cases
  bool is_send;
  Waiter waiter;
};

// All channels, in the order in which they are locked. Offers may share a channel.
class Locks {
 public:
  explicit Locks(std::span<ChannelCore*> sorted) noexcept : sorted_(sorted) {}
  void lock() noexcept {
    for (ChannelCore* const channel : sorted_) channel->lock().lock();
  }
  // In the order of locking. A woken select locks every channel once more before it returns, so it cannot return, and
  // this list on its stack cannot go, before the last one here is released.
  void unlock() noexcept {
    for (ChannelCore* const channel : sorted_) channel->lock().unlock();
  }

 private:
  std::span<ChannelCore*> sorted_;
};

class Select {
 public:
  // offers, order and channels are scratch of equal length.
  Select(std::span<Offer> offers, std::span<std::uint32_t> order, std::span<ChannelCore*> channels,
         std::span<vigil_probe_case> shown)
      : offers_(offers), order_(order), channels_(channels), shown_(shown) {}

  SelectOutcome run(bool has_default, std::int64_t timeout_ns) {
    Inside inside;
    shuffle(inside.record());
    for (const std::uint32_t at : order_) {
      Offer& offer = offers_[at];
      offer.channel->lock().lock();
      const ChannelCore::Outcome outcome = attempt(inside, offer);
      offer.channel->lock().unlock();
      if (outcome.step != Step::Blocked) return finish(inside, offer, outcome);
    }
    return look_at_all(inside, has_default, timeout_ns);
  }

 private:
  void shuffle(ThreadRecord& record) noexcept {
    for (std::uint32_t i = 0; i < order_.size(); ++i) {  // Fisher and Yates, inside out
      const std::uint32_t j = is_choosing() ? turns().below(i + 1) : record.random_below(i + 1);
      order_[i] = order_[j];
      order_[j] = i;
    }
  }

  static ChannelCore::Outcome attempt(Inside& inside, Offer& offer) noexcept {
    return offer.is_send ? offer.channel->send_locked(inside, offer.item)
                         : offer.channel->receive_locked(inside, offer.item);
  }

  static SelectOutcome finish(Inside& inside, const Offer& offer, const ChannelCore::Outcome& outcome) {
    if (outcome.to_wake != nullptr) wake(inside.record(), *outcome.to_wake);
    if (offer.is_send && outcome.step == Step::Closed) throw_send_on_closed();
    return {SelectOutcome::Kind::Channel, outcome.step == Step::Done, offer.position};
  }

  SelectOutcome look_at_all(Inside& inside, bool has_default, std::int64_t timeout_ns) {
    for (std::size_t i = 0; i < offers_.size(); ++i) channels_[i] = offers_[i].channel;
    std::sort(channels_.begin(), channels_.end());
    const auto end = std::unique(channels_.begin(), channels_.end());
    Locks locks(channels_.first(static_cast<std::size_t>(end - channels_.begin())));

    locks.lock();
    for (const std::uint32_t at : order_) {
      const ChannelCore::Outcome outcome = attempt(inside, offers_[at]);
      if (outcome.step == Step::Blocked) continue;
      locks.unlock();
      return finish(inside, offers_[at], outcome);
    }
    if (has_default || timeout_ns == 0) {
      if (has_default) tell_default(inside);
      locks.unlock();
      return {has_default ? SelectOutcome::Kind::Default : SelectOutcome::Kind::TimedOut, false, 0};
    }
    return wait(inside, locks, timeout_ns);
  }

  void tell_default(Inside& inside) noexcept {
    vigil_probe_select_default(inside.probe());
    show_cases();
    vigil_probe_default_taken(inside.probe(), shown_.data(), static_cast<std::uint32_t>(offers_.size()));
  }

  void show_cases() noexcept {
    for (std::size_t i = 0; i < offers_.size(); ++i)
      shown_[i] = {.channel = offers_[i].channel, .is_send = offers_[i].is_send ? 1U : 0U, .reserved = 0};
  }

  SelectOutcome wait(Inside& inside, Locks& locks, std::int64_t timeout_ns) {
    Race race;
    Actor& actor = inside.actor();
    for (std::uint32_t i = 0; i < offers_.size(); ++i) {
      Offer& offer = offers_[i];
      offer.waiter = Waiter{.actor = &actor, .item = offer.item, .race = &race, .index = i};
      offer.channel->pin_locked();
      queue_of(offer).push_back(offer.waiter);
    }
    show_cases();
    const AfterSwitch release{[](void* held) noexcept { static_cast<Locks*>(held)->unlock(); }, &locks};
    const std::uint64_t deadline = timeout_ns == kNoTimeout ? kNoDeadline : deadline_after(timeout_ns);
    const std::uint32_t kind = offers_.empty() ? VIGIL_WAIT_EMPTY_SELECT : VIGIL_WAIT_SELECT;
    wait_for_cases(actor, kind, shown_.data(), offers_.size(), deadline);
    if (deadline == kNoDeadline)
      park(inside, release);
    else
      park_until(inside, release, race, deadline);

    leave_queues();
    if (race.winner() == Race::kTimeout) return {SelectOutcome::Kind::TimedOut, false, 0};
    const Offer& won = offers_[race.winner()];
    if (won.is_send && !won.waiter.satisfied) {
      vigil_probe_channel_misuse(inside.probe(), won.channel, VIGIL_MISUSE_SEND_ON_CLOSED);
      throw_send_on_closed();
    }
    return {SelectOutcome::Kind::Channel, won.waiter.satisfied, won.position};
  }

  // Locks each channel once, the winner's too: see Locks::unlock(). The order by chance has had its use.
  void leave_queues() noexcept {
    std::sort(order_.begin(), order_.end(),
              [&](std::uint32_t a, std::uint32_t b) { return offers_[a].channel < offers_[b].channel; });
    for (std::size_t i = 0; i < order_.size();) {
      ChannelCore* const channel = offers_[order_[i]].channel;
      channel->lock().lock();
      bool abandoned = false;
      for (; i < order_.size() && offers_[order_[i]].channel == channel; ++i) {
        Offer& offer = offers_[order_[i]];
        if (offer.waiter.queued) queue_of(offer).remove(offer.waiter);
        abandoned = channel->unpin_locked();  // only the last of several can say yes
      }
      channel->lock().unlock();
      if (abandoned) channel->destroy();
    }
  }

  static WaitQueue queue_of(Offer& offer) noexcept {
    return offer.is_send ? offer.channel->senders() : offer.channel->receivers();
  }

  std::span<Offer> offers_;
  std::span<std::uint32_t> order_;
  std::span<ChannelCore*> channels_;
  std::span<vigil_probe_case> shown_;
};

// Room for n cases: on the stack when there are few, so that an idle task in a select still costs one page.
template <std::size_t kCases>
struct Scratch {
  Offer offers[kCases];
  std::uint32_t order[kCases];
  ChannelCore* channels[kCases];
  vigil_probe_case shown[kCases];
};

template <std::size_t kCases>
[[gnu::noinline]] SelectOutcome select_with(const SelectCase* cases, std::size_t count, bool has_default,
                                            std::int64_t timeout_ns) {
  Scratch<kCases> scratch;
  std::size_t live = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (cases[i].channel == nullptr) continue;
    Offer& offer = scratch.offers[live++];
    offer.channel = cases[i].channel;
    offer.item = cases[i].item;
    offer.position = static_cast<std::uint32_t>(i);
    offer.is_send = cases[i].is_send;
  }
  Select select({scratch.offers, live}, {scratch.order, live}, {scratch.channels, live}, {scratch.shown, live});
  return select.run(has_default, timeout_ns);
}

SelectOutcome select_many(const SelectCase* cases, std::size_t count, bool has_default, std::int64_t timeout_ns) {
  const auto offers = std::make_unique<Offer[]>(count);
  const auto order = std::make_unique<std::uint32_t[]>(count);
  const auto channels = std::make_unique<ChannelCore*[]>(count);
  const auto shown = std::make_unique<vigil_probe_case[]>(count);
  std::size_t live = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (cases[i].channel == nullptr) continue;
    Offer& offer = offers[live++];
    offer.channel = cases[i].channel;
    offer.item = cases[i].item;
    offer.position = static_cast<std::uint32_t>(i);
    offer.is_send = cases[i].is_send;
  }
  Select select({offers.get(), live}, {order.get(), live}, {channels.get(), live}, {shown.get(), live});
  return select.run(has_default, timeout_ns);
}

}  // namespace

SelectOutcome select_channels(const SelectCase* cases, std::size_t count, bool has_default, std::int64_t timeout_ns) {
  if (count <= 4) return select_with<4>(cases, count, has_default, timeout_ns);
  if (count <= 16) return select_with<16>(cases, count, has_default, timeout_ns);
  if (count <= 64) return select_with<64>(cases, count, has_default, timeout_ns);
  return select_many(cases, count, has_default, timeout_ns);
}

}  // namespace vigil::detail
