// The channel probes. The edges are those of docs/memory_model.md; each runs under its channel's lock.
#include <array>
#include <atomic>

#include "interpose/actor.hpp"
#include "interpose/export.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/misuse.hpp"
#include "interpose/objects.hpp"
#include "interpose/order.hpp"

using namespace vigil::shim;  // the probes are C functions and stand outside every namespace

namespace {

// A channel that comes to the address of another has other users.
constinit std::atomic<std::uint32_t> channels_made{0};

// Whom this thread noted last as a user of what; the number stands for both.
constexpr std::size_t kNoted = 64;
thread_local constinit std::array<std::uint64_t, kNoted> noted __attribute__((tls_model("initial-exec"))) = {};

void note_user(const Actor& actor, const void* channel) noexcept {
  const std::uint32_t made = channels_made.load(std::memory_order_relaxed);  // who has the channel sees its making
  std::uint64_t number = (reinterpret_cast<std::uintptr_t>(channel) ^ made) * 0x9e3779b97f4a7c15ULL;
  number = (number ^ number >> 32U ^ static_cast<std::uint64_t>(key_of(actor))) * 0x9e3779b97f4a7c15ULL;
  std::uint64_t& place = noted[number >> 58U];
  if (place == number) return;
  place = number;
  if (ChannelObject* const known = channels().find(channel)) known->users.note(key_of(actor));
}

}  // namespace

extern "C" VIGIL_EXPORT void vigil_probe_channel_make(const void* channel, size_t capacity) noexcept {
  record([&] {
    channels_made.fetch_add(1, std::memory_order_relaxed);
    channels().make(channel, capacity);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_destroy(const void* channel, size_t /*items_left*/) noexcept {
  record([&] { channels().drop(channel); });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_send(vigil_probe_actor* actor, const void* channel,
                                                      size_t slot) noexcept {
  record([&] {
    Actor& who = actor_of(actor);
    note_user(who, channel);
    if (order::needs() == 0) return;
    if (ChannelObject* const known = channels().find(channel)) known->slots.step(who.clocks, slot);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_receive(vigil_probe_actor* actor, const void* channel,
                                                         size_t slot) noexcept {
  record([&] {
    Actor& who = actor_of(actor);
    note_user(who, channel);
    if (order::needs() == 0) return;
    if (ChannelObject* const known = channels().find(channel)) known->slots.step(who.clocks, slot);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_meet(vigil_probe_actor* sender, vigil_probe_actor* receiver,
                                                      const void* channel) noexcept {
  record([&] {
    Actor& from = actor_of(sender);
    Actor& to = actor_of(receiver);
    note_user(from, channel);
    note_user(to, channel);
    if (order::needs() != 0) order::meet(from.clocks, to.clocks);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_pass(vigil_probe_actor* sender, vigil_probe_actor* receiver,
                                                      const void* channel, size_t slot) noexcept {
  record([&] {
    Actor& from = actor_of(sender);
    Actor& to = actor_of(receiver);
    note_user(from, channel);
    note_user(to, channel);
    if (order::needs() == 0) return;
    ChannelObject* const known = channels().find(channel);
    if (known == nullptr) return;
    known->slots.step(from.clocks, slot);
    known->slots.step(to.clocks, slot);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_channel_close(vigil_probe_actor* actor, const void* channel) noexcept {
  record([&] {
    ChannelObject* const known = channels().find(channel);
    if (known == nullptr) return;
    Actor& closer = actor_of(actor);
    known->users.note(key_of(closer));
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
