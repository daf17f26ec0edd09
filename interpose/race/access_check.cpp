#include "interpose/race/access_check.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace vigil::shim::race {

struct AccessShadow::Variable {
  std::uint64_t number = 0;
  std::size_t size = 0;
  StackId made_at = kNoStack;
  AccessSet writes;
  AccessSet reads;
};

struct AccessShadow::Table {
  OwnMap<std::uintptr_t, Variable*> variables;

  Variable& make(std::uintptr_t address, std::size_t size, StackId made_at) noexcept {
    // relaxed: only a number.
    static constinit std::atomic<std::uint64_t> next_number{1};
    drop(address);
    Variable* const variable = own_new<Variable>();
    variable->number = next_number.fetch_add(1, std::memory_order_relaxed);
    variable->size = size;
    variable->made_at = made_at;
    variables[address] = variable;
    return *variable;
  }
  void drop(std::uintptr_t address) noexcept {
    const auto found = variables.find(address);
    if (found == variables.end()) return;
    own_delete(found->second);
    variables.erase(found);
  }
};

AccessShadow::Shard& AccessShadow::shard_of(std::uintptr_t address) noexcept {
  // Fibonacci hashing: neighbours in an array of variables fall into different shards.
  return shards_[(address >> 3U) * 0x9E3779B97F4A7C15U >> 58U];
}

void AccessShadow::make(std::uintptr_t address, std::size_t size, StackId made_at) noexcept {
  Shard& shard = shard_of(address);
  const std::lock_guard held(shard.lock);
  if (shard.table == nullptr) shard.table = own_new<Table>();
  shard.table->make(address, size, made_at);
}

void AccessShadow::destroy(std::uintptr_t address, std::size_t /*size*/) noexcept {
  Shard& shard = shard_of(address);
  const std::lock_guard held(shard.lock);
  if (shard.table != nullptr) shard.table->drop(address);
}

template <bool kWrite>
Conflicts AccessShadow::check(std::uintptr_t address, std::size_t size, ActorClock& clock,
                              const AccessBy& by) noexcept {
  const Epoch at = now(clock);
  Shard& shard = shard_of(address);
  const std::lock_guard held(shard.lock);
  if (shard.table == nullptr) shard.table = own_new<Table>();
  const auto found = shard.table->variables.find(address);
  Variable& variable =
      found != shard.table->variables.end() ? *found->second : shard.table->make(address, size, kNoStack);

  // Same actor, same epoch, and nothing has raced with that access: nobody unordered came between, and whoever races
  // with this one later races with that one too.
  const Access* known = variable.writes.find(at);
  if (!kWrite && known == nullptr) known = variable.reads.find(at);
  if (known != nullptr && !known->raced) return {};

  Conflicts conflicts;
  const auto conflict = [&](const Access& older) {
    if (conflicts.told < Conflicts::kMost) conflicts.older[conflicts.told++] = older;
    ++conflicts.total;
  };
  variable.writes.sweep<kWrite>(clock, conflict);
  if constexpr (kWrite) variable.reads.sweep<true>(clock, conflict);

  conflicts.newer = Access{.at = at,
                           .actor = by.actor,
                           .stack = by.capture != nullptr ? by.capture() : kNoStack,
                           .held = by.held,
                           .size = static_cast<std::uint32_t>(size),
                           .is_write = kWrite,
                           .raced = conflicts.any()};
  conflicts.variable = variable.number;
  conflicts.made_at = variable.made_at;
  (kWrite ? variable.writes : variable.reads).keep(conflicts.newer, clock);
  return conflicts;
}

Conflicts AccessShadow::check_read(std::uintptr_t address, std::size_t size, ActorClock& clock,
                                   const AccessBy& by) noexcept {
  return check<false>(address, size, clock, by);
}

Conflicts AccessShadow::check_write(std::uintptr_t address, std::size_t size, ActorClock& clock,
                                    const AccessBy& by) noexcept {
  return check<true>(address, size, clock, by);
}

std::size_t AccessShadow::variables() noexcept {
  std::size_t sum = 0;
  for (Shard& shard : shards_) {
    const std::lock_guard held(shard.lock);
    if (shard.table != nullptr) sum += shard.table->variables.size();
  }
  return sum;
}

}  // namespace vigil::shim::race
