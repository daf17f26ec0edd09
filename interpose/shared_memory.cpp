#include "interpose/shared_memory.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

#include "interpose/confinement.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::shared_memory {

constinit std::atomic<bool> detail::is_there{false};

namespace {

struct Mapping {
  std::uintptr_t low;
  std::uintptr_t high;
  std::uint64_t file;    // stands for device and inode
  std::uint64_t offset;  // of low, in the file
};
// Of more, what lies in them is known by its address only.
constexpr std::size_t kMost = 4096;
struct Mappings {
  FutexLock lock;
  OwnVector<Mapping> all;  // apart from each other; guarded by lock
};
constinit std::atomic<Mappings*> made{nullptr};

Mappings& mappings() noexcept {
  Mappings* known = made.load(std::memory_order_acquire);  // pairs with the exchange below
  if (known != nullptr) return *known;
  auto* const fresh = own_new<Mappings>();
  if (made.compare_exchange_strong(known, fresh, std::memory_order_acq_rel)) return *fresh;
  own_delete(fresh);
  return *known;
}

std::uint64_t mixed(std::uint64_t one, std::uint64_t other) noexcept {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;
  const std::uint64_t both = (one * kOdd) ^ other;
  return (both ^ both >> 29U) * kOdd;
}

// Under the lock. What lies on either side of it stays.
void cut_out(OwnVector<Mapping>& all, std::uintptr_t low, std::uintptr_t high) noexcept {
  for (std::size_t i = all.size(); i-- > 0;) {
    const Mapping one = all[i];
    if (one.low >= high || one.high <= low) continue;
    all[i] = all.back();
    all.pop_back();
    if (one.low < low) all.push_back({one.low, low, one.file, one.offset});
    if (one.high > high) all.push_back({high, one.high, one.file, one.offset + (high - one.low)});
  }
}

}  // namespace

void mapped(const void* at, std::size_t size, int file, off_t offset) noexcept {
  if (inside_shim || confinement::forbids_looks()) return;
  const int saved_errno = errno;
  struct stat status;
  if (::fstat(file, &status) == 0) {
    record([&] {
      Mappings& known = mappings();
      const auto low = reinterpret_cast<std::uintptr_t>(at);
      known.lock.lock();
      cut_out(known.all, low, low + size);
      if (known.all.size() < kMost) {
        known.all.push_back({low, low + size, mixed(status.st_dev, status.st_ino), static_cast<std::uint64_t>(offset)});
      }
      known.lock.unlock();
      detail::is_there.store(true, std::memory_order_relaxed);
    });
  }
  errno = saved_errno;
}

void unmapped(const void* at, std::size_t size) noexcept {
  if (!detail::is_there.load(std::memory_order_relaxed)) return;
  record([&] {
    Mappings& known = mappings();
    const auto low = reinterpret_cast<std::uintptr_t>(at);
    known.lock.lock();
    cut_out(known.all, low, low + size);
    known.lock.unlock();
  });
}

const void* detail::identity_of(const volatile void* object) noexcept {
  constexpr unsigned kSort = 56;  // descriptors.cpp has the ones above
  constexpr std::uint64_t kNumber = (std::uint64_t{1} << 48U) - 8;
  std::uint64_t number = 0;
  const auto at = reinterpret_cast<std::uintptr_t>(object);
  const auto look = [&] {
    Mappings& known = mappings();
    known.lock.lock();
    for (const Mapping& one : known.all) {
      if (at < one.low || at >= one.high) continue;
      number = std::uint64_t{1} << kSort | (mixed(one.file, one.offset + (at - one.low)) & kNumber);
      break;
    }
    known.lock.unlock();
  };
  if (inside_shim) {
    look();
  } else {
    record(look);
  }
  return reinterpret_cast<const void*>(number);
}

}  // namespace vigil::shim::shared_memory
