// Channel use: who sends on a channel and who closes it, and which items nobody took.
//
// A close and a send that nothing orders are a close-send-race: in another schedule the send comes after the close and
// panics. Compared in the whole order (order.hpp), for a lock around both is order enough: `if (!closed) send` is
// right.
//
// Nothing is predicted for actors that may be ordered by atomics that are not seen (code/unseen_order.hpp).
//
// That order is not kept before somebody wants it: a channel does when somebody sends on it or closes it. Sends before
// that moment count as ordered: a race may be missed, none is invented.
//
// Of the senders those are kept that no later sender knows of: a close that is ordered after the others is ordered
// after the rest. At most kMostSenders, the oldest give way.
//
// Threads: everything here runs under the channel's own lock, which the runtime holds during its probes.
#pragma once

#include <atomic>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/epoch.hpp"
#include "vigil/probe.h"

namespace vigil::shim {

struct ChannelObject;

struct LastSend {
  ActorKey actor{};
  race::Epoch at;
  StackId stack = kNoStack;
};

// What a ChannelObject holds of its use; made when it is needed.
struct ChannelUse {
  static constexpr std::size_t kMostSenders = 16;
  OwnVector<LastSend> senders;
  race::Epoch closed_at;   // nothing: closed before the order was kept, or not closed
  std::int64_t items = 0;  // in the buffer; kept while lost items are asked for
  ActorKey last_sender{};  // of those; valid when items were ever sent
  StackId last_sent_at = kNoStack;
};

namespace channel_use {

namespace detail {
extern constinit std::atomic<bool> items_wanted;
// Hot: which actor sent on a channel last, by a hash of the channel. A wrong entry only costs a look.
inline constexpr std::size_t kRemembered = 4096;
extern constinit std::atomic<std::uint64_t> last_senders[kRemembered];
}  // namespace detail

inline std::atomic<std::uint64_t>& remembered_for(const void* channel) noexcept {
  const auto bits = reinterpret_cast<std::uintptr_t>(channel) >> 4U;
  return detail::last_senders[(bits ^ bits >> 12U) % detail::kRemembered];
}
// A new channel, maybe at an old one's address.
inline void made(const void* channel) noexcept { remembered_for(channel).store(0, std::memory_order_relaxed); }
// Whether that actor is the one who sent on the channel last, as far as is remembered: then a send of its own needs no
// look while no order is kept.
inline bool sent_last(const vigil_probe_actor* actor, const void* channel, bool remember) noexcept {
  const auto bits = reinterpret_cast<std::uintptr_t>(channel) >> 4U;
  // Threads have no number of their own; their records do not move.
  const std::uint64_t who = actor != nullptr && actor->id != 0 ? actor->id : reinterpret_cast<std::uintptr_t>(actor);
  const std::uint64_t entry = (bits * 0x9e3779b97f4a7c15ULL) ^ (who * 0xd6e8feb86659fd93ULL);
  std::atomic<std::uint64_t>& last = remembered_for(channel);
  // relaxed: a hint; whoever finds another entry looks at the channel itself, under its lock.
  if (last.load(std::memory_order_relaxed) == entry) return true;
  if (remember) last.store(entry, std::memory_order_relaxed);
  return false;
}

// A send took effect; the sender may be parked. Before its order is told to others.
void sent(Actor& sender, ChannelObject& channel) noexcept;

// An item went into the buffer, or out of it. Only while lost items are asked for.
inline bool counts_items() noexcept { return detail::items_wanted.load(std::memory_order_relaxed); }
void item_in(Actor& sender, ChannelObject& channel) noexcept;
void item_out(ChannelObject& channel) noexcept;

// About to park in a wait with sends: whether the place should be remembered, for a send that somebody else completes.
bool wants_place(const vigil_probe_actor* actor, const vigil_probe_wait& wait) noexcept;
// May report a close-send-race. Before the close is told to others.
void closed(Actor& closer, ChannelObject& channel) noexcept;
// A send that found it closed: also a race, unless the close is ordered before it.
void found_closed(Actor& sender, ChannelObject& channel) noexcept;

void want_items() noexcept;
// May report lost-items.
void destroyed(const ChannelObject& channel, std::size_t items_left) noexcept;
// At a normal end: the channels that still hold items.
void tell_items_left() noexcept;

}  // namespace channel_use
}  // namespace vigil::shim
