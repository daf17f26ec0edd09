#include "interpose/race/atomic_points.hpp"

#include <algorithm>

#include "interpose/own_memory.hpp"

namespace vigil::shim::race {

constinit AtomicPoints atomic_points;

AtomicPoint& AtomicHome::point_of(std::size_t offset, std::size_t bytes) noexcept {
  AtomicPoint* unused = nullptr;
  AtomicPoint* last = &first_;
  for (AtomicPoint* point = &first_; point != nullptr; point = point->next) {
    if (point->bytes == bytes && point->offset == offset) return *point;
    if (point->bytes == 0) unused = point;
    last = point;
  }
  if (unused == nullptr) {
    unused = own_new<AtomicPoint>();
    last->next = unused;
  }
  unused->offset = static_cast<std::uint8_t>(offset);
  unused->bytes = static_cast<std::uint8_t>(bytes);
  return *unused;
}

void AtomicHome::forget(std::size_t offset, std::size_t bytes) noexcept {
  for (AtomicPoint** link = &first_.next; *link != nullptr;) {
    AtomicPoint* const point = *link;
    if (!point->overlaps(offset, bytes)) {
      link = &point->next;
      continue;
    }
    *link = point->next;
    own_delete(point);
  }
  if (first_.bytes == 0 || !first_.overlaps(offset, bytes)) return;
  first_.past.whole.clear();
  first_.past.firm.clear();
  first_.by = ClockSlot{0};
  first_.taken = ClockSlot{0};
  first_.bytes = 0;
}

std::atomic<AtomicHome*>* AtomicPoints::place_of(std::uintptr_t address) const noexcept {
  if (address >> kAddressBits != 0) return nullptr;
  // acquire, here and below: pairs with the release that published what make_place_of() made.
  const Region* const region = regions_[address >> kRegionBits].load(std::memory_order_acquire);
  if (region == nullptr) return nullptr;
  constexpr std::uintptr_t kInRegion = (std::uintptr_t{1} << kRegionBits) - 1;
  Page* const page = region->pages[(address & kInRegion) >> kPageBits].load(std::memory_order_acquire);
  if (page == nullptr) return nullptr;
  return &page->homes[address / kHomeBytes % kHomesPerPage];
}

std::atomic<AtomicHome*>* AtomicPoints::make_place_of(std::uintptr_t address) noexcept {
  if (std::atomic<AtomicHome*>* const place = place_of(address)) return place;
  if (address >> kAddressBits != 0) return nullptr;
  making_.lock();
  std::atomic<Region*>& region = regions_[address >> kRegionBits];
  // relaxed: made under this lock only.
  if (region.load(std::memory_order_relaxed) == nullptr)
    region.store(own_new_sparse<Region>(), std::memory_order_release);
  constexpr std::uintptr_t kInRegion = (std::uintptr_t{1} << kRegionBits) - 1;
  std::atomic<Page*>& page = region.load(std::memory_order_relaxed)->pages[(address & kInRegion) >> kPageBits];
  if (page.load(std::memory_order_relaxed) == nullptr) page.store(own_new<Page>(), std::memory_order_release);
  making_.unlock();
  return place_of(address);
}

AtomicHome* AtomicPoints::take_home() noexcept {
  making_.lock();
  AtomicHome* home = free_;
  if (home != nullptr) {
    free_ = home->next_free_;
  } else {
    home = own_new<AtomicHome>();
  }
  making_.unlock();
  return home;
}

bool AtomicPoints::has_home(std::uintptr_t address) const noexcept {
  const std::atomic<AtomicHome*>* const place = place_of(address);
  return place != nullptr && place->load(std::memory_order_acquire) != nullptr;
}

AtomicHome* AtomicPoints::lock(std::uintptr_t address, bool make) noexcept {
  std::atomic<AtomicHome*>* const place = make ? make_place_of(address) : place_of(address);
  if (place == nullptr) return nullptr;
  for (;;) {
    AtomicHome* home = place->load(std::memory_order_acquire);
    if (home == nullptr) {
      if (!make) return nullptr;
      home = take_home();
      home->lock_.lock();
      AtomicHome* expected = nullptr;
      if (place->compare_exchange_strong(expected, home, std::memory_order_acq_rel)) {
        homes_.fetch_add(1, std::memory_order_relaxed);
        return home;
      }
      home->lock_.unlock();
      making_.lock();
      home->next_free_ = free_;
      free_ = home;
      making_.unlock();
      continue;
    }
    home->lock_.lock();
    if (place->load(std::memory_order_relaxed) == home) return home;  // changed under the home's lock only
    home->lock_.unlock();
  }
}

void AtomicPoints::forget_in(Page& page, std::uintptr_t from, std::uintptr_t until) noexcept {
  for (std::uintptr_t at = from / kHomeBytes * kHomeBytes; at < until; at += kHomeBytes) {
    std::atomic<AtomicHome*>& place = page.homes[at / kHomeBytes % kHomesPerPage];
    if (place.load(std::memory_order_relaxed) == nullptr) continue;
    AtomicHome* const home = lock(at, false);
    if (home == nullptr) continue;
    const std::uintptr_t first = std::max(at, from);
    home->forget(first - at, std::min(at + kHomeBytes, until) - first);
    const bool unused = home->empty();
    if (unused) place.store(nullptr, std::memory_order_release);
    unlock(*home);
    if (!unused) continue;
    homes_.fetch_sub(1, std::memory_order_relaxed);
    making_.lock();
    home->next_free_ = free_;
    free_ = home;
    making_.unlock();
  }
}

void AtomicPoints::forget(std::uintptr_t address, std::size_t size) noexcept {
  constexpr std::uintptr_t kEnd = std::uintptr_t{1} << kAddressBits;
  if (address >= kEnd || homes() == 0) return;
  const std::uintptr_t end = address + std::min<std::uintptr_t>(size, kEnd - address);
  while (address < end) {
    const Region* const region = regions_[address >> kRegionBits].load(std::memory_order_acquire);
    if (region == nullptr) {
      address = ((address >> kRegionBits) + 1) << kRegionBits;
      continue;
    }
    const std::uintptr_t page_end = std::min(((address >> kPageBits) + 1) << kPageBits, end);
    constexpr std::uintptr_t kInRegion = (std::uintptr_t{1} << kRegionBits) - 1;
    if (Page* const page = region->pages[(address & kInRegion) >> kPageBits].load(std::memory_order_acquire)) {
      forget_in(*page, address, page_end);
    }
    address = page_end;
  }
}

}  // namespace vigil::shim::race
