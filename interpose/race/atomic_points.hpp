// AtomicPoints: for each atomic object that was ever released into, what its value carries to those who read it.
//
// Invariants
//   P1  A home (all the points of one 16-byte granule) is found without a lock, and is used under its own. It is
//       never given back to the system: whoever found one that was recycled meanwhile sees, under its lock, that the
//       table names another.
//   P2  A point is made before the first release into it takes effect: who reads a released value finds its point.
//   P3  Nothing else is locked when a home's lock is taken; under it come the clocks, the shadow and the findings.
//
// Accesses of several sizes may meet in one granule (a pair of counters read as one word), so an acquire asks every
// point it overlaps and a release goes into the one of just its bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "interpose/futex_lock.hpp"
#include "interpose/order.hpp"

namespace vigil::shim::race {

inline constexpr std::size_t kHomeBytes = 16;  // the largest atomic

// What one atomic object carries: the release sequence that its present value belongs to.
struct AtomicPoint {
  order::Point past;
  AtomicPoint* next = nullptr;
  ClockSlot by{0};             // who headed the sequence last, or stored since
  ClockSlot taken{0};          // who changed the object last, if that was an acquiring read-modify-write
  std::uint32_t replaced = 0;  // what the last change found there (atomics.hpp, Change)
  std::uint8_t offset = 0;     // in its granule
  std::uint8_t bytes = 0;      // 0: not in use

  [[nodiscard]] bool overlaps(std::size_t from, std::size_t size) const noexcept {
    return from < std::size_t{offset} + bytes && offset < from + size;
  }
};

class AtomicHome {
 public:
  // Calls use(point) for each point that the bytes overlap.
  template <class Use>
  void each_overlapping(std::size_t offset, std::size_t bytes, Use&& use) noexcept {
    for (AtomicPoint* point = &first_; point != nullptr; point = point->next) {
      if (point->bytes != 0 && point->overlaps(offset, bytes)) use(*point);
    }
  }
  // The point of just these bytes, if it is the only one; else null.
  [[nodiscard]] AtomicPoint* only_point(std::size_t offset, std::size_t bytes) noexcept {
    const bool is_it = first_.next == nullptr && first_.offset == offset && first_.bytes == bytes;
    return is_it ? &first_ : nullptr;
  }
  // The point of just these bytes, made if there is none.
  AtomicPoint& point_of(std::size_t offset, std::size_t bytes) noexcept;

 private:
  friend class AtomicPoints;
  void forget(std::size_t offset, std::size_t bytes) noexcept;
  [[nodiscard]] bool empty() const noexcept { return first_.bytes == 0 && first_.next == nullptr; }

  FutexLock lock_;
  AtomicPoint first_;
  AtomicHome* next_free_ = nullptr;
};

class AtomicPoints {
 public:
  constexpr AtomicPoints() noexcept = default;
  AtomicPoints(const AtomicPoints&) = delete;
  AtomicPoints& operator=(const AtomicPoints&) = delete;

  // The home of that address, locked; null if there is none and make is false.
  AtomicHome* lock(std::uintptr_t address, bool make) noexcept;
  void unlock(AtomicHome& home) noexcept { home.lock_.unlock(); }
  [[nodiscard]] bool has_home(std::uintptr_t address) const noexcept;
  // The memory is used for something else from now on.
  void forget(std::uintptr_t address, std::size_t size) noexcept;

  [[nodiscard]] std::size_t homes() const noexcept { return homes_.load(std::memory_order_relaxed); }  // for tests

 private:
  // Three levels over 47 bits of address: gibibytes, pages, granules.
  static constexpr unsigned kPageBits = 12;
  static constexpr unsigned kRegionBits = 30;
  static constexpr unsigned kAddressBits = 47;
  static constexpr std::size_t kHomesPerPage = (std::size_t{1} << kPageBits) / kHomeBytes;
  struct Page {
    std::atomic<AtomicHome*> homes[kHomesPerPage];
  };
  struct Region {
    std::atomic<Page*> pages[std::size_t{1} << (kRegionBits - kPageBits)];
  };

  [[nodiscard]] std::atomic<AtomicHome*>* place_of(std::uintptr_t address) const noexcept;
  std::atomic<AtomicHome*>* make_place_of(std::uintptr_t address) noexcept;
  AtomicHome* take_home() noexcept;
  void forget_in(Page& page, std::uintptr_t from, std::uintptr_t until) noexcept;

  std::atomic<Region*> regions_[std::size_t{1} << (kAddressBits - kRegionBits)] = {};
  FutexLock making_;                   // of regions, pages and homes
  AtomicHome* free_ = nullptr;         // guarded by making_
  std::atomic<std::size_t> homes_{0};  // in use
};

extern constinit AtomicPoints atomic_points;

}  // namespace vigil::shim::race
