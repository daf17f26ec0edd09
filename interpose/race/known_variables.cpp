#include "interpose/race/known_variables.hpp"

#include <array>
#include <atomic>
#include <mutex>

#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::race {
namespace {

using Table = OwnMap<std::uintptr_t, KnownVariable>;

struct alignas(64) Shard {
  FutexLock lock;
  Table* table = nullptr;  // guarded by lock; made by the first variable
};
constexpr unsigned kShardBits = 6;
constinit std::array<Shard, 1U << kShardBits> shards{};

Shard& shard_of(std::uintptr_t address) noexcept {
  // Fibonacci hashing: neighbours in an array of variables fall into different shards.
  return shards[(address >> 3U) * 0x9E3779B97F4A7C15U >> (64 - kShardBits)];
}

// With its lock held.
Table& table_of(Shard& shard) noexcept {
  if (shard.table == nullptr) shard.table = own_new<Table>();
  return *shard.table;
}

std::uint64_t next_number() noexcept {
  static constinit std::atomic<std::uint64_t> last{0};  // relaxed: only a number
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

void variable_made(std::uintptr_t address, std::size_t size, StackId made_at) noexcept {
  const KnownVariable made{next_number(), size, made_at};
  Shard& shard = shard_of(address);
  const std::lock_guard held(shard.lock);
  table_of(shard)[address] = made;
}

void variable_gone(std::uintptr_t address) noexcept {
  Shard& shard = shard_of(address);
  const std::lock_guard held(shard.lock);
  if (shard.table != nullptr) shard.table->erase(address);
}

void know_variable(std::uintptr_t address, std::size_t size) noexcept {
  Shard& shard = shard_of(address);
  const std::lock_guard held(shard.lock);
  KnownVariable& known = table_of(shard)[address];
  if (known.number == 0) known = {next_number(), size, kNoStack};
}

bool find_variable(std::uintptr_t address, KnownVariable& found) noexcept {
  Shard& shard = shard_of(address);
  const std::lock_guard held(shard.lock);
  if (shard.table == nullptr) return false;
  const auto known = shard.table->find(address);
  if (known == shard.table->end()) return false;
  found = known->second;
  return true;
}

}  // namespace vigil::shim::race
