#include "interpose/own_mappings.hpp"

#include <array>
#include <atomic>

namespace vigil::shim {
namespace {

struct Entry {
  std::atomic<std::uintptr_t> at{0};  // 0: free
  std::atomic<std::size_t> bytes{0};  // relaxed: who reads another's half-made entry reads a mapping that is being made
};
constexpr std::size_t kMost = 8192;  // at 4 MiB each that is 32 GiB of own memory
constinit std::array<Entry, kMost> entries{};
constinit std::atomic<std::size_t> used{0};  // none beyond was ever taken
constinit std::atomic<bool> overflowed{false};

}  // namespace

void note_own_mapping(std::uintptr_t at, std::size_t bytes) noexcept {
  for (std::size_t i = 0; i < kMost; ++i) {
    Entry& entry = entries[i];
    std::uintptr_t free = 0;
    if (entry.at.load(std::memory_order_relaxed) != 0 || !entry.at.compare_exchange_strong(free, at)) continue;
    entry.bytes.store(bytes, std::memory_order_relaxed);
    std::size_t most = used.load(std::memory_order_relaxed);
    while (most <= i && !used.compare_exchange_weak(most, i + 1)) {
    }
    return;
  }
  overflowed.store(true, std::memory_order_relaxed);
}

void forget_own_mapping(std::uintptr_t at) noexcept {
  for (std::size_t i = 0; i < used.load(std::memory_order_relaxed); ++i) {
    if (entries[i].at.load(std::memory_order_relaxed) == at) return entries[i].at.store(0, std::memory_order_relaxed);
  }
}

bool add_own_mappings(OwnVector<AddressRange>& to) noexcept {
  for (std::size_t i = 0; i < used.load(std::memory_order_relaxed); ++i) {
    const std::uintptr_t at = entries[i].at.load(std::memory_order_relaxed);
    if (at != 0) to.push_back({.low = at, .high = at + entries[i].bytes.load(std::memory_order_relaxed)});
  }
  return !overflowed.load(std::memory_order_relaxed);
}

}  // namespace vigil::shim
