#include "interpose/channel_use.hpp"

#include <algorithm>

#include "interpose/code/unseen_order.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/life/contexts.hpp"
#include "interpose/life/timers.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/objects.hpp"
#include "interpose/options.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::channel_use {

namespace detail {
constinit std::atomic<bool> items_wanted{false};
constinit std::atomic<std::uint64_t> last_senders[kRemembered] = {};
}  // namespace detail

namespace {

bool order_is_kept() noexcept { return (order::needs() & order::kWhole) != 0; }

ChannelUse& use_of(ChannelObject& channel) noexcept {
  if (channel.use == nullptr) channel.use = own_new<ChannelUse>();
  return *channel.use;
}

// Where that actor sends: here when it is the one that runs, else where it parked.
StackId place_of(Actor& sender) noexcept { return &current_actor() == &sender ? capture_stack() : sender.parked_at; }

bool is_known_to(race::Epoch at, Actor& actor) noexcept {
  return race::happened_before(at, order::whole(actor.clocks));
}

void make_room(ChannelUse& use, Actor& sender) noexcept {
  std::erase_if(use.senders, [&](const LastSend& one) { return is_known_to(one.at, sender); });
  if (use.senders.size() >= ChannelUse::kMostSenders) use.senders.erase(use.senders.begin());
}

void note_send(ChannelUse& use, Actor& sender) noexcept {
  const ActorKey key = key_of(sender);
  const race::Epoch now = race::now(order::whole(sender.clocks));
  const auto known =
      std::find_if(use.senders.begin(), use.senders.end(), [&](const LastSend& one) { return one.actor == key; });
  if (known != use.senders.end()) {
    known->at = now;
    if (known->stack == kNoStack) known->stack = place_of(sender);
    return;
  }
  make_room(use, sender);
  use.senders.push_back({.actor = key, .at = now, .stack = place_of(sender)});
}

void tell_race(const ChannelObject& channel, ActorKey closer, StackId close, const LastSend& send,
               bool has_happened) noexcept {
  const ActorInfo who_closed = info_of(closer, "");
  const ActorInfo who_sent = info_of(send.actor, "");
  const ObjectInfo object = info_of(channel);
  Line message;
  message << words_for(who_closed).view() << " closed " << words_for(channel).view() << " and "
          << words_for(who_sent).view() << " sent on it, and nothing orders the two: no channel, lock, wait group or "
          << "start of a task lies between them; "
          << (has_happened ? "here the close came first, and the send panicked"
                           : "when the close comes first, the send panics");
  const Participant participants[] = {{.role = "closer",
                                       .actor = who_closed,
                                       .operation = "close",
                                       .object = 0,
                                       .held = {},
                                       .stack = close,
                                       .note = "the close"},
                                      {.role = "sender",
                                       .actor = who_sent,
                                       .operation = "send",
                                       .object = 0,
                                       .held = {},
                                       .stack = send.stack,
                                       .note = "a send that may come before or after it"}};
  report({.kind = Kind::CloseSendRace,
          .predicted = true,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = {&object, 1}});
}

void tell_lost(const ChannelObject& channel, std::uint64_t items, bool at_end) noexcept {
  const ObjectInfo object = info_of(channel);
  Line message;
  message << words_for(channel).view() << (at_end ? " held " : " went with ") << items
          << (items == 1 ? " item" : " items") << " that nobody had received"
          << (at_end ? " when the program ended" : "");
  OwnVector<Participant> participants;
  if (channel.use != nullptr && channel.use->last_sent_at != kNoStack) {
    participants.push_back({.role = "sender",
                            .actor = info_of(channel.use->last_sender, ""),
                            .operation = "send",
                            .object = 0,
                            .held = {},
                            .stack = channel.use->last_sent_at,
                            .note = "the last item was sent here"});
  } else {
    participants.push_back({.role = "maker",
                            .actor = {},
                            .operation = "make",
                            .object = 0,
                            .held = {},
                            .stack = channel.created_at,
                            .note = "the channel was made here"});
  }
  report({.kind = Kind::LostItems,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = {&object, 1}});
}

}  // namespace

void sent(Actor& sender, ChannelObject& channel) noexcept {
  if (!order_is_kept()) {
    if (timers::feeds(reinterpret_cast<const void*>(channel.address))) return;
    if (unseen_order::possible(place_of(sender))) return;
    order::want(order::kWhole);
  }
  note_send(use_of(channel), sender);
}

void item_in(Actor& sender, ChannelObject& channel) noexcept {
  ChannelUse& use = use_of(channel);
  ++use.items;
  use.last_sender = key_of(sender);
  use.last_sent_at = place_of(sender);
}

void item_out(ChannelObject& channel) noexcept {
  if (channel.use != nullptr) --channel.use->items;
}

bool wants_place(const vigil_probe_actor* actor, const vigil_probe_wait& wait) noexcept {
  for (std::uint32_t i = 0; i < wait.case_count; ++i) {
    if (wait.cases[i].is_send == 0) continue;
    if (counts_items() || order::needs() != 0 || !sent_last(actor, wait.cases[i].channel, false)) return true;
  }
  return false;
}

void closed(Actor& closer, ChannelObject& channel) noexcept {
  if (contexts::is_done_channel(reinterpret_cast<const void*>(channel.address))) return;
  if (unseen_order::possible(channel.closed_at)) return;
  order::want(order::kWhole);
  ChannelUse& use = use_of(channel);
  const ActorKey key = key_of(closer);
  use.closed_at = race::now(order::whole(closer.clocks));
  for (const LastSend& send : use.senders) {
    if (send.actor == key || is_known_to(send.at, closer)) continue;
    if (unseen_order::possible(send.stack)) continue;
    tell_race(channel, key, channel.closed_at, send, false);
    return;
  }
}

void found_closed(Actor& sender, ChannelObject& channel) noexcept {
  if (!order_is_kept() || channel.use == nullptr || channel.use->closed_at == race::Epoch{}) return;
  const ActorKey key = key_of(sender);
  if (channel.closer == key || is_known_to(channel.use->closed_at, sender)) return;
  tell_race(channel, channel.closer, channel.closed_at, {.actor = key, .at = {}, .stack = place_of(sender)}, true);
}

void want_items() noexcept { detail::items_wanted.store(true, std::memory_order_relaxed); }

void destroyed(const ChannelObject& channel, std::size_t items_left) noexcept {
  if (items_left == 0 || !counts_items() || timers::feeds(reinterpret_cast<const void*>(channel.address))) return;
  tell_lost(channel, items_left, false);
}

void tell_items_left() noexcept {
  if (!counts_items()) return;
  channels().for_each([](const ChannelObject& channel) {
    if (channel.use == nullptr || channel.use->items <= 0) return;
    if (timers::feeds(reinterpret_cast<const void*>(channel.address))) return;
    tell_lost(channel, static_cast<std::uint64_t>(channel.use->items), true);
  });
}

}  // namespace vigil::shim::channel_use
