// The channel probes. The edges are those of docs/memory_model.md; each runs under its channel's lock.
#include "interpose/actor.hpp"
#include "interpose/export.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/misuse.hpp"
#include "interpose/objects.hpp"
#include "interpose/order.hpp"

using namespace vigil::shim;  // the probes are C functions and stand outside every namespace

extern "C" VIGIL_EXPORT void vigil_probe_channel_make(const void* channel, size_t capacity) noexcept {
  record([&] { channels().make(channel, capacity); });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_destroy(const void* channel, size_t /*items_left*/) noexcept {
  record([&] { channels().drop(channel); });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_send(vigil_probe_actor* actor, const void* channel,
                                                      size_t slot) noexcept {
  if (order::needs() == 0) return;
  record([&] {
    if (ChannelObject* const known = channels().find(channel)) known->slots.step(actor_of(actor).clocks, slot);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_receive(vigil_probe_actor* actor, const void* channel,
                                                         size_t slot) noexcept {
  if (order::needs() == 0) return;
  record([&] {
    if (ChannelObject* const known = channels().find(channel)) known->slots.step(actor_of(actor).clocks, slot);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_meet(vigil_probe_actor* sender, vigil_probe_actor* receiver,
                                                      const void* /*channel*/) noexcept {
  if (order::needs() == 0) return;
  record([&] { order::meet(actor_of(sender).clocks, actor_of(receiver).clocks); });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_pass(vigil_probe_actor* sender, vigil_probe_actor* receiver,
                                                      const void* channel, size_t slot) noexcept {
  if (order::needs() == 0) return;
  record([&] {
    ChannelObject* const known = channels().find(channel);
    if (known == nullptr) return;
    known->slots.step(actor_of(sender).clocks, slot);
    known->slots.step(actor_of(receiver).clocks, slot);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_close(vigil_probe_actor* actor, const void* channel) noexcept {
  record([&] {
    ChannelObject* const known = channels().find(channel);
    if (known == nullptr) return;
    Actor& closer = actor_of(actor);
    known->closed = true;
    known->closer = key_of(closer);
    known->closed_at = capture_stack();
    order::release_store(closer.clocks, known->close_point);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_receive_closed(vigil_probe_actor* actor,
                                                                const void* channel) noexcept {
  if (order::needs() == 0) return;
  record([&] {
    if (const ChannelObject* const known = channels().find(channel)) {
      order::acquire(actor_of(actor).clocks, known->close_point);
    }
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_misuse(vigil_probe_actor* actor, const void* channel,
                                                        uint32_t misuse) noexcept {
  record(
      [&] { tell_channel_misuse(actor_of(actor), channel == nullptr ? nullptr : channels().find(channel), misuse); });
}

extern "C" VIGIL_EXPORT void vigil_probe_select_default(vigil_probe_actor* /*actor*/) noexcept {}
