#include "interpose/leaks/channel_rings.hpp"

#include <algorithm>

#include "interpose/objects.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim::leaks {
namespace {

bool contains(const OwnVector<std::uintptr_t>& ordered, std::uintptr_t value) noexcept {
  return std::binary_search(ordered.begin(), ordered.end(), value);
}

}  // namespace

void ChannelRings::add(const vigil_probe_actor_view& view) noexcept {
  if (++seen_ > kMostTasks) return waiters_.clear();
  if (!waits_on_channels(view.wait->kind) || view.saved == nullptr || view.actor->watch == nullptr) return;
  Waiter waiter{.key = key_of(*static_cast<const Actor*>(view.actor->watch)),
                .channels = {},
                .low = view.saved->rsp,
                .high = view.stack_high};
  if (waiter.low < view.stack_low || waiter.low > waiter.high) return;
  for (std::uint32_t i = 0; i < view.wait->case_count; ++i) {
    if (view.wait->cases[i].channel == nullptr) continue;
    waiter.channels.push_back(reinterpret_cast<std::uintptr_t>(view.wait->cases[i].channel));
  }
  std::sort(waiter.channels.begin(), waiter.channels.end());
  waiters_.push_back(std::move(waiter));
}

OwnVector<OwnVector<ActorKey>> ChannelRings::find() const noexcept {
  OwnVector<OwnVector<ActorKey>> rings;
  if (waiters_.size() < 2) return rings;
  OwnMap<std::uintptr_t, OwnVector<std::size_t>> waiting;  // by channel
  for (std::size_t i = 0; i < waiters_.size(); ++i) {
    for (const std::uintptr_t channel : waiters_[i].channels) waiting[channel].push_back(i);
  }
  // next[i]: whom i waits for; before[i]: who waits for i.
  const std::size_t count = waiters_.size();
  OwnVector<OwnVector<std::size_t>> next(count);
  OwnVector<OwnVector<std::size_t>> before(count);
  for (std::size_t holder = 0; holder < count; ++holder) {
    OwnSet<std::uintptr_t> seen;
    const std::uintptr_t low = (waiters_[holder].low + 7) & ~std::uintptr_t{7};
    for (std::uintptr_t at = low; at + 8 <= waiters_[holder].high; at += 8) {
      const std::uintptr_t word = *reinterpret_cast<const std::uintptr_t*>(at);
      const auto found = waiting.find(word);
      if (found == waiting.end() || contains(waiters_[holder].channels, word) || !seen.insert(word).second) continue;
      for (const std::size_t waiter : found->second) {
        next[waiter].push_back(holder);
        before[holder].push_back(waiter);
      }
    }
  }
  const auto reached = [count](std::size_t from, const OwnVector<OwnVector<std::size_t>>& along) {
    OwnVector<bool> marks(count, false);
    OwnVector<std::size_t> open{from};
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      for (const std::size_t to : along[at]) {
        if (marks[to]) continue;
        marks[to] = true;
        open.push_back(to);
      }
    }
    return marks;
  };
  OwnVector<bool> placed(count, false);
  for (std::size_t i = 0; i < count; ++i) {
    if (placed[i] || next[i].empty() || before[i].empty()) continue;
    const OwnVector<bool> after = reached(i, next);
    if (!after[i]) continue;
    const OwnVector<bool> leading = reached(i, before);
    OwnVector<ActorKey> members;
    OwnSet<std::uintptr_t> channels_of_ring;
    for (std::size_t j = 0; j < count; ++j) {
      if (!after[j] || !leading[j]) continue;
      placed[j] = true;
      members.push_back(waiters_[j].key);
      for (const std::uintptr_t channel : waiters_[j].channels) channels_of_ring.insert(channel);
    }
    const bool among_themselves =
        std::all_of(channels_of_ring.begin(), channels_of_ring.end(), [&](std::uintptr_t channel) {
          const ChannelObject* const known = channels().find(reinterpret_cast<const void*>(channel));
          return known != nullptr && known->users.are_among(members);
        });
    if (channels_of_ring.size() > 1 && among_themselves) rings.push_back(std::move(members));
  }
  return rings;
}

}  // namespace vigil::shim::leaks
