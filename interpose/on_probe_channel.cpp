// The channel probes. The edges are those of docs/memory_model.md; each runs under its channel's lock.
#include "interpose/actor.hpp"
#include "interpose/channel_touch.hpp"
#include "interpose/channel_use.hpp"
#include "interpose/channel_word.hpp"
#include "interpose/export.hpp"
#include "interpose/life/timers.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/misuse.hpp"
#include "interpose/objects.hpp"
#include "interpose/order.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/spins.hpp"
#include "interpose/timeline.hpp"

using namespace vigil::shim;  // the probes are C functions and stand outside every namespace

namespace {

enum class Deed : std::uint8_t { Send, Receive };

void note(ChannelObject& known, Actor& actor, Deed deed, bool place_too) noexcept {
  known.users.note(key_of(actor));
  if (!place_too) return;
  const StackId stack = &current_actor() == &actor ? capture_stack() : actor.parked_at;
  if (stack != kNoStack) (deed == Deed::Send ? known.last_send : known.last_receive).set(key_of(actor), stack);
}

// Who sends or receives is noted always; where, while places may be looked at.
void note_user(ChannelObject& known, Actor& actor, Deed deed) noexcept {
  if (timeline::on()) timeline::can_run(actor);  // its operation is over, whoever did it
  note(known, actor, deed, channel_touch::take());
}

// Whether a send must be looked at: an order is kept, or it is not by the one who sent last.
bool needs_look(const vigil_probe_actor* sender, const void* channel) noexcept {
  spins::did_something();
  return order::needs() != 0 || channel_use::counts_items() || !channel_use::sent_last(sender, channel, true);
}

}  // namespace

extern "C" VIGIL_EXPORT void vigil_probe_channel_make(const void* channel, size_t capacity) noexcept {
  record([&] {
    channel_use::made(channel);
    channel_word::set(channel, &channels().make(channel, capacity));
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_destroy(const void* channel, size_t items_left) noexcept {
  record([&] {
    ChannelObject* const known = channel_word::object_of(channel);
    if (items_left != 0 && known != nullptr) {
      if (channel_use::counts_items()) channel_use::destroyed(*known, items_left);
      // Whoever put something in has let go of the channel since: the items that are left are the caller's.
      if (order::needs(order::Edge::Lock) != 0) known->slots.acquire_all(current_actor().clocks);
    }
    timers::channel_gone(channel);
    channel_word::set(channel, nullptr);
    channels().drop(channel);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_send(vigil_probe_actor* actor, const void* channel,
                                                      size_t slot) noexcept {
  const bool look = needs_look(actor, channel);
  record([&] {
    ChannelObject* const known = channel_word::object_of(channel);
    if (known == nullptr) return;
    Actor& sender = actor_of(actor);
    note_user(*known, sender, Deed::Send);
    if (!look) return;
    channel_use::sent(sender, *known);
    if (channel_use::counts_items()) channel_use::item_in(sender, *known);
    if (order::needs() != 0) known->slots.step(sender.clocks, slot);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_receive(vigil_probe_actor* actor, const void* channel,
                                                         size_t slot) noexcept {
  spins::did_something();
  record([&] {
    ChannelObject* const known = channel_word::object_of(channel);
    if (known == nullptr) return;
    Actor& receiver = actor_of(actor);
    note_user(*known, receiver, Deed::Receive);
    if (channel_use::counts_items()) channel_use::item_out(*known);
    if (order::needs() != 0) known->slots.step(receiver.clocks, slot);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_meet(vigil_probe_actor* sender, vigil_probe_actor* receiver,
                                                      const void* channel) noexcept {
  const bool look = needs_look(sender, channel);
  record([&] {
    Actor& from = actor_of(sender);
    Actor& to = actor_of(receiver);
    if (ChannelObject* const known = channel_word::object_of(channel)) {
      note_user(*known, from, Deed::Send);
      note_user(*known, to, Deed::Receive);
      if (look) channel_use::sent(from, *known);
    }
    if (order::needs() != 0) order::meet(from.clocks, to.clocks);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_pass(vigil_probe_actor* sender, vigil_probe_actor* receiver,
                                                      const void* channel, size_t slot) noexcept {
  const bool look = needs_look(sender, channel);
  record([&] {
    ChannelObject* const known = channel_word::object_of(channel);
    if (known == nullptr) return;
    Actor& from = actor_of(sender);
    Actor& to = actor_of(receiver);
    note_user(*known, from, Deed::Send);
    note_user(*known, to, Deed::Receive);
    if (!look) return;
    channel_use::sent(from, *known);
    if (order::needs() == 0) return;
    known->slots.step(from.clocks, slot);
    known->slots.step(to.clocks, slot);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_close(vigil_probe_actor* actor, const void* channel) noexcept {
  spins::did_something();
  record([&] {
    ChannelObject* const known = channel_word::object_of(channel);
    if (known == nullptr) return;
    Actor& closer = actor_of(actor);
    known->users.note(key_of(closer));
    known->closed = true;
    known->closer = key_of(closer);
    known->closed_at = capture_stack();
    channel_use::closed(closer, *known);
    order::release_store(closer.clocks, known->close_point);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_receive_closed(vigil_probe_actor* actor,
                                                                const void* channel) noexcept {
  spins::closed_receive(actor, channel);
  if (timeline::on()) record([&] { timeline::can_run(actor_of(actor)); });
  if (order::needs() == 0) return;
  record([&] {
    if (const ChannelObject* const known = channel_word::object_of(channel)) {
      order::acquire(actor_of(actor).clocks, known->close_point);
    }
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_misuse(vigil_probe_actor* actor, const void* channel,
                                                        uint32_t misuse) noexcept {
  record([&] {
    ChannelObject* const known = channel == nullptr ? nullptr : channel_word::object_of(channel);
    Actor& who = actor_of(actor);
    if (known != nullptr && misuse == VIGIL_MISUSE_SEND_ON_CLOSED) channel_use::found_closed(who, *known);
    tell_channel_misuse(who, known, misuse);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_select_default(vigil_probe_actor* /*actor*/) noexcept {}

extern "C" VIGIL_EXPORT void vigil_probe_default_taken(vigil_probe_actor* actor, const vigil_probe_case* cases,
                                                       uint32_t case_count) noexcept {
  spins::default_taken(actor, cases, case_count);
}

// Objects that are told of only when somebody waits for them get their number, and the place of their first such use,
// there.
static bool is_first_seen_here(uint32_t kind) noexcept {
  return kind == VIGIL_WAIT_COND || kind == VIGIL_WAIT_SEMAPHORE || kind == VIGIL_WAIT_ONCE;
}

// The place of an earlier park is not that of this one.
static void forget_place(vigil_probe_actor* actor) noexcept {
  if (actor != nullptr && actor->watch != nullptr) {
    static_cast<Actor*>(actor->watch)->parked_at = kNoStack;
  } else {
    record([&] { actor_of(actor).parked_at = kNoStack; });
  }
}

extern "C" VIGIL_EXPORT void vigil_probe_park(vigil_probe_actor* actor, const vigil_probe_wait* wait) noexcept {
  spins::did_something();
  if (wait->kind == VIGIL_WAIT_SLEEP || wait->kind == VIGIL_WAIT_WAIT_GROUP) {
    record([&] { locks::leaves_locked(actor_of(actor)); });
  }
  order::moment_over();
  if (race::bridge::is_on()) record([&] { race::bridge::parks(actor_of(actor).clocks.told); });
  const bool wants_place = wait->kind == VIGIL_WAIT_WAIT_GROUP || wait->kind == VIGIL_WAIT_BLOCKING ||
                           (wait->case_count != 0 && (channel_touch::take() || channel_use::wants_place(actor, *wait)));
  if (is_first_seen_here(wait->kind) && wait->object != nullptr) {
    record([&] { sync_objects().at(wait->object); });
  }
  if (timeline::on()) record([&] { timeline::waits(actor_of(actor), *wait); });
  if (wants_place) {
    record([&] { actor_of(actor).parked_at = capture_stack(); });
  } else if (wait->case_count != 0) {
    forget_place(actor);
  }
}
