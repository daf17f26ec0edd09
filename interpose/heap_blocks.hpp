// HeapBlocks: the blocks of the program's heap, found by any address in them: who allocated them and where.
//
// Invariants
//   B1  A record stands for a block from its allocation until other memory is handed out over its first byte: also
//       after it was freed, for that is when somebody asks. So a free need not come here: that a block is freed is in
//       the shadow.
//   B2  All of one page (its slots and the records of the blocks that begin there) is used under its shard's lock.
//
// A slot for every 16 bytes, as no allocator aligns to less; three levels over the address space.
// Threads: any; no other lock is taken under a shard's but that of our own memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/memory.hpp"

namespace vigil::shim {

struct HeapBlock {
  std::uint64_t size = 0;  // as asked for
  race::PlaceId place{};
  std::uint32_t number = 0;  // given when somebody asks first
  ActorKey owner{};          // who allocated it
};
static_assert(sizeof(HeapBlock) == 24);

class HeapBlocks {
 public:
  constexpr HeapBlocks() noexcept = default;
  HeapBlocks(const HeapBlocks&) = delete;
  HeapBlocks& operator=(const HeapBlocks&) = delete;

  // room: how much of the memory is the block's, at least its size.
  void allocated(std::uintptr_t address, std::size_t size, std::size_t room, race::PlaceId place,
                 ActorKey owner) noexcept;
  // How many bytes were asked for, of the block that begins there; `otherwise` where none is known.
  std::size_t size_of(std::uintptr_t address, std::size_t otherwise) noexcept;
  // The block of that address, freed or not: the last that began before it and reaches it.
  bool find(std::uintptr_t address, std::uintptr_t& start, HeapBlock& block) noexcept;

 private:
  static constexpr std::size_t kSlotBytes = 16;
  static constexpr unsigned kPageBits = 12;
  static constexpr std::uintptr_t kPageBytes = std::uintptr_t{1} << kPageBits;
  static constexpr unsigned kRegionBits = 30;
  static constexpr unsigned kAddressBits = 47;
  static constexpr std::size_t kSlots = (std::size_t{1} << kPageBits) / kSlotBytes;
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kChunk = 4096;  // records

  struct Page {
    std::uint32_t used = 0;
    std::uint32_t slots[kSlots] = {};  // the number of a record of the shard, from 1; 0: no block begins here
  };
  struct Region {
    std::atomic<Page*> pages[std::size_t{1} << (kRegionBits - kPageBits)];
  };
  struct alignas(64) Shard {
    FutexLock lock;
    std::uint32_t next = 1;  // record never used
    std::uint32_t free = 0;  // head of the unused ones, chained through `number`
    OwnVector<HeapBlock*>* chunks = nullptr;
  };

  [[nodiscard]] static std::uintptr_t page_end(std::uintptr_t address) noexcept {
    return (address / kPageBytes + 1) * kPageBytes;
  }
  Shard& shard_of(std::uintptr_t address) noexcept { return shards_[(address >> kPageBits) % kShards]; }
  Page* known_page(std::uintptr_t address) noexcept;  // null: there is none
  Page& make_page(std::uintptr_t address) noexcept;   // unless there is one
  static HeapBlock& record(Shard& shard, std::uint32_t number) noexcept {
    return (*shard.chunks)[number / kChunk][number % kChunk];
  }
  static std::uint32_t take(Shard& shard) noexcept;
  static void drop(Shard& shard, Page& page, std::size_t slot) noexcept;  // demands: a block begins there
  static void drop_in_page(Shard& shard, Page& page, std::uintptr_t from, std::uintptr_t until) noexcept;
  void drop_between(std::uintptr_t from, std::uintptr_t until) noexcept;

  std::atomic<Region*> regions_[std::size_t{1} << (kAddressBits - kRegionBits)] = {};
  std::array<Shard, kShards> shards_{};
  std::atomic<std::uint32_t> last_number_{0};
  std::atomic<std::size_t> largest_{0};  // bytes, of all blocks ever: how far back find() must look
};

extern constinit HeapBlocks heap_blocks;

}  // namespace vigil::shim
