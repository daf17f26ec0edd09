#include "interpose/leaks/rings.hpp"

#include <algorithm>

#include "interpose/leaks/shared_blocks.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/objects.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim::leaks {
namespace {

bool contains(const OwnVector<std::uintptr_t>& ordered, std::uintptr_t value) noexcept {
  return std::binary_search(ordered.begin(), ordered.end(), value);
}

using Edges = OwnVector<OwnVector<std::size_t>>;

OwnVector<bool> reached_from(std::size_t from, const Edges& along) noexcept {
  OwnVector<bool> marks(along.size(), false);
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
}

}  // namespace

// next[i]: whom i waits for; before[i]: who waits for i.
struct RingSearch::Graph {
  Edges next;
  Edges before;
  void add(std::size_t waiter, std::size_t waited_for) noexcept {
    next[waiter].push_back(waited_for);
    before[waited_for].push_back(waiter);
  }
};

void RingSearch::add(const vigil_probe_actor_view& view) noexcept {
  ++seen_;
  if (is_full()) return waiters_.clear();
  if (view.actor->watch == nullptr || needs_nobody(view.wait->kind)) return;
  const ParkedStack stack = stacks_.of(view);
  if (!stack.is_known()) return;
  const auto& actor = *static_cast<const Actor*>(view.actor->watch);
  Waiter waiter{.key = key_of(actor),
                .targets = {},
                .on_channels = waits_on_channels(view.wait->kind),
                .used = stack.used,
                .closure = stack.closure};
  const auto object = reinterpret_cast<std::uintptr_t>(view.wait->object);
  if (waits_for_lock(view.wait->kind)) {
    const LockObject* const lock = lock_objects().find(view.wait->object);
    if (lock == nullptr) return;
    waiter.lock = object;
    waiter.is_own_lock = locks::waits_for_its_own(actor, *lock);
    if (!waiter.is_own_lock && !lock->is_held()) return;
    waiter.holder = waiter.is_own_lock ? waiter.key : lock->holder.load(std::memory_order_relaxed);
  } else if (!waiter.on_channels && object != 0) {
    waiter.targets.push_back(object);
  }
  for (std::uint32_t i = 0; i < view.wait->case_count; ++i) {
    if (view.wait->cases[i].channel == nullptr) continue;
    waiter.targets.push_back(reinterpret_cast<std::uintptr_t>(view.wait->cases[i].channel));
  }
  std::sort(waiter.targets.begin(), waiter.targets.end());
  add(std::move(waiter), waits_since_ms(actor));
}

void RingSearch::add(const BlockedThread& thread) noexcept {
  ++seen_;
  if (is_full()) return waiters_.clear();
  Waiter waiter{.key = thread.key,
                .targets = {},
                .on_channels = false,
                .holder = thread.holder,
                .lock = thread.object,
                .used = thread.stack.used,
                .closure = thread.stack.closure};
  add(std::move(waiter), thread.since_ms);
}

void RingSearch::add(Waiter&& waiter, std::uint32_t since_ms) noexcept {
  waiter.mark = (static_cast<std::uint64_t>(waiter.key) << 32U ^ since_ms) * 0x9e3779b97f4a7c15ULL;
  mark_ += waiter.mark;
  waiters_.push_back(std::move(waiter));
}

// Who waits in a call of pthread's may go on meanwhile: its stack is read through the kernel. A part that cannot be
// read shows nobody.
template <class Visit>
void RingSearch::read_own(const Waiter& waiter, Visit& visit) noexcept {
  static_cast<void>(MemorySearch::read(waiter.used, visit));
  static_cast<void>(MemorySearch::read(waiter.closure, visit));
}

RingSearch::Graph RingSearch::connect(Through through) const noexcept {
  OwnMap<std::uintptr_t, OwnVector<std::size_t>> waiting;  // by what they wait on
  OwnMap<ActorKey, std::size_t> by_key;
  for (std::size_t i = 0; i < waiters_.size(); ++i) {
    for (const std::uintptr_t target : waiters_[i].targets) waiting[target].push_back(i);
    by_key[waiters_[i].key] = i;
  }
  OwnVector<std::uintptr_t> targets;
  for (const auto& [target, by] : waiting) targets.push_back(target);
  std::ranges::sort(targets);
  SharedBlocks shared;
  AddressRange own{};
  auto look_for_blocks = [&](std::span<const std::uintptr_t> words, std::uintptr_t /*at*/) {
    shared.look_at(words, own);
  };
  for (const Waiter& waiter : waiters_) {
    if (through == Through::Stacks) break;
    own = waiter.used;
    read_own(waiter, look_for_blocks);
  }
  shared.find();
  Graph graph{Edges(waiters_.size()), Edges(waiters_.size())};
  for (std::size_t one = 0; one < waiters_.size(); ++one) {
    const Waiter& waiter = waiters_[one];
    const auto holder = waiter.lock == 0 ? by_key.end() : by_key.find(waiter.holder);
    if (holder != by_key.end() && (holder->second != one || waiter.is_own_lock)) graph.add(one, holder->second);
    OwnSet<std::uintptr_t> seen;
    OwnVector<std::size_t> open;  // blocks that it owns or refers to
    auto see_target = [&](std::uintptr_t target) {
      const auto found = waiting.find(target);
      if (found == waiting.end() || contains(waiter.targets, target) || !seen.insert(target).second) return;
      for (const std::size_t hopeful : found->second) graph.add(hopeful, one);
    };
    auto look = [&](std::span<const std::uintptr_t> words, std::uintptr_t /*at*/) {
      for (const std::uintptr_t word : words) {
        see_target(word);
        const std::size_t block = shared.index_at(word);
        if (block != SharedBlocks::kNone && seen.insert(shared.all()[block].range.low).second) open.push_back(block);
      }
    };
    read_own(waiter, look);
    while (!open.empty()) {
      const AddressRange block = shared.all()[open.back()].range;
      open.pop_back();
      for (auto target = std::ranges::lower_bound(targets, block.low); target != targets.end() && *target < block.high;
           ++target) {
        see_target(*target);
      }
      static_cast<void>(MemorySearch::read(block, look));
    }
  }
  return graph;
}

// Empty: it is over one channel alone, so its members may merely wait for whom they share it with. Who waits for a lock
// of its own waits for nobody else, and so is its ring's only member.
Ring RingSearch::ring_of(const OwnVector<std::size_t>& members) const noexcept {
  Ring ring;
  OwnSet<std::uintptr_t> targets;
  bool on_channels = true;
  for (const std::size_t i : members) {
    const Waiter& waiter = waiters_[i];
    ring.members.push_back(waiter.key);
    ring.mark += waiter.mark;
    on_channels = on_channels && waiter.on_channels;
    for (const std::uintptr_t target : waiter.targets) targets.insert(target);
    if (waiter.lock != 0) targets.insert(waiter.lock);
  }
  ring.is_own_lock = members.size() == 1 && waiters_[members[0]].is_own_lock;
  if (targets.size() < 2 && !ring.is_own_lock) return {};
  ring.among_themselves = on_channels && std::all_of(targets.begin(), targets.end(), [&](std::uintptr_t channel) {
                            const ChannelObject* const known = channels().find(reinterpret_cast<const void*>(channel));
                            return known != nullptr && known->users.are_among(ring.members);
                          });
  return ring;
}

OwnVector<Ring> RingSearch::find(Through through) const noexcept {
  OwnVector<Ring> rings;
  const Graph graph = connect(through);
  OwnVector<bool> placed(waiters_.size(), false);
  for (std::size_t i = 0; i < waiters_.size(); ++i) {
    if (placed[i] || graph.next[i].empty() || graph.before[i].empty()) continue;
    const OwnVector<bool> after = reached_from(i, graph.next);
    if (!after[i]) continue;
    const OwnVector<bool> leading = reached_from(i, graph.before);
    OwnVector<std::size_t> members;
    for (std::size_t j = 0; j < waiters_.size(); ++j) {
      if (!after[j] || !leading[j]) continue;
      placed[j] = true;
      members.push_back(j);
    }
    Ring ring = ring_of(members);
    if (!ring.members.empty()) rings.push_back(std::move(ring));
  }
  return rings;
}

}  // namespace vigil::shim::leaks
