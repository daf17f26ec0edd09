#include "interpose/heap_blocks.hpp"

#include <algorithm>
#include <mutex>

namespace vigil::shim {

constinit HeapBlocks heap_blocks;

[[gnu::always_inline]] inline HeapBlocks::Page* HeapBlocks::known_page(std::uintptr_t address) noexcept {
  if (address >> kAddressBits != 0) return nullptr;
  // acquire, here and below: pairs with the exchange that published what is found.
  Region* const region = regions_[address >> kRegionBits].load(std::memory_order_acquire);
  if (region == nullptr) return nullptr;
  constexpr std::uintptr_t kInRegion = (std::uintptr_t{1} << kRegionBits) - 1;
  return region->pages[(address & kInRegion) >> kPageBits].load(std::memory_order_acquire);
}

HeapBlocks::Page& HeapBlocks::make_page(std::uintptr_t address) noexcept {
  std::atomic<Region*>& place = regions_[address >> kRegionBits];
  Region* region = place.load(std::memory_order_acquire);
  if (region == nullptr) {
    auto* const made = own_new_sparse<Region>();
    if (place.compare_exchange_strong(region, made, std::memory_order_acq_rel)) {
      region = made;
    } else {
      own_delete(made);
    }
  }
  constexpr std::uintptr_t kInRegion = (std::uintptr_t{1} << kRegionBits) - 1;
  std::atomic<Page*>& slot = region->pages[(address & kInRegion) >> kPageBits];
  Page* page = slot.load(std::memory_order_acquire);  // made under the shard's lock
  if (page == nullptr) {
    page = own_new<Page>();
    slot.store(page, std::memory_order_release);
  }
  return *page;
}

std::uint32_t HeapBlocks::take(Shard& shard) noexcept {
  if (shard.free != 0) {
    const std::uint32_t number = shard.free;
    shard.free = record(shard, number).number;
    return number;
  }
  const std::uint32_t number = shard.next++;
  if (shard.chunks == nullptr) shard.chunks = own_new<OwnVector<HeapBlock*>>();
  if (number / kChunk == shard.chunks->size()) {
    shard.chunks->push_back(static_cast<HeapBlock*>(own_allocate(kChunk * sizeof(HeapBlock))));
  }
  return number;
}

void HeapBlocks::drop(Shard& shard, Page& page, std::size_t slot) noexcept {
  const std::uint32_t number = page.slots[slot];
  page.slots[slot] = 0;
  --page.used;
  record(shard, number).number = shard.free;
  shard.free = number;
}

// The blocks that began in between, in one page, are no more. Its shard's lock is held.
[[gnu::always_inline]] inline void HeapBlocks::drop_in_page(Shard& shard, Page& page, std::uintptr_t from,
                                                            std::uintptr_t until) noexcept {
  for (std::uintptr_t at = from; page.used != 0 && at < until; at += kSlotBytes) {
    const std::size_t slot = at / kSlotBytes % kSlots;
    if (page.slots[slot] != 0) drop(shard, page, slot);
  }
}

void HeapBlocks::drop_between(std::uintptr_t from, std::uintptr_t until) noexcept {
  while (from < until) {
    const std::uintptr_t end = std::min(until, page_end(from));
    if (Page* const page = known_page(from)) {
      Shard& shard = shard_of(from);
      const std::lock_guard held(shard.lock);
      drop_in_page(shard, *page, from, end);
    }
    from = end;
  }
}

void HeapBlocks::allocated(std::uintptr_t address, std::size_t size, std::size_t room, race::PlaceId place,
                           ActorKey owner) noexcept {
  if (address >> kAddressBits != 0 || size >> kAddressBits != 0) return;
  // relaxed: whoever has an address in the block learned of it after this.
  for (std::size_t known = largest_.load(std::memory_order_relaxed);
       known < size && !largest_.compare_exchange_weak(known, size, std::memory_order_relaxed);) {
  }
  const std::uintptr_t until = address + room;
  const std::uintptr_t end = std::min(until, page_end(address));
  {
    Shard& shard = shard_of(address);
    const std::lock_guard held(shard.lock);
    Page* const known = known_page(address);
    Page& page = known != nullptr ? *known : make_page(address);
    std::uint32_t& slot = page.slots[address / kSlotBytes % kSlots];
    if (slot == 0) {
      slot = take(shard);
      ++page.used;
    }
    HeapBlock& block = record(shard, slot);
    block = HeapBlock();
    block.size = size;
    block.place = place;
    block.owner = owner;
    drop_in_page(shard, page, address + kSlotBytes, end);
  }
  drop_between(end, until);
}

std::size_t HeapBlocks::size_of(std::uintptr_t address, std::size_t otherwise) noexcept {
  Shard& shard = shard_of(address);
  const std::lock_guard held(shard.lock);
  const Page* const page = known_page(address);
  const std::uint32_t slot = page != nullptr ? page->slots[address / kSlotBytes % kSlots] : 0;
  return slot != 0 ? record(shard, slot).size : otherwise;
}

bool HeapBlocks::find(std::uintptr_t address, std::uintptr_t& start, HeapBlock& block) noexcept {
  if (address >> kAddressBits != 0) return false;
  // No block that begins further back reaches here.
  const std::size_t most_pages = largest_.load(std::memory_order_relaxed) / kPageBytes + 2;
  constexpr unsigned kMostStarts = 64;  // of blocks freed, split and handed out anew
  unsigned starts = 0;
  std::uintptr_t at = address / kSlotBytes * kSlotBytes;
  for (std::size_t pages = 0; pages < most_pages; ++pages) {
    if (Page* const page = known_page(at)) {
      Shard& shard = shard_of(at);
      const std::lock_guard held(shard.lock);
      for (std::size_t slot = at / kSlotBytes % kSlots + 1; page->used != 0 && slot-- > 0;) {
        if (page->slots[slot] == 0) continue;
        HeapBlock& known = record(shard, page->slots[slot]);
        const std::uintptr_t begin = at / kPageBytes * kPageBytes + slot * kSlotBytes;
        if (address - begin < std::max<std::uint64_t>(known.size, 1)) {
          if (known.number == 0) known.number = last_number_.fetch_add(1, std::memory_order_relaxed) + 1;
          start = begin;
          block = known;
          return true;
        }
        if (++starts == kMostStarts) return false;
      }
    }
    // Where no block ever began, whole regions are passed over at once.
    const std::uintptr_t page_start = at / kPageBytes * kPageBytes;
    const std::uintptr_t region_start = at >> kRegionBits << kRegionBits;
    const bool is_empty = regions_[at >> kRegionBits].load(std::memory_order_acquire) == nullptr;
    const std::uintptr_t before = is_empty ? region_start : page_start;
    if (before == 0) return false;
    pages += (page_start - before) / kPageBytes;
    at = before - kSlotBytes;
  }
  return false;
}

}  // namespace vigil::shim
