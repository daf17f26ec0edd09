// Size classes over mmap.
//
//   region (4 MiB of address space) --cut--> blocks of one class --> shard lists <--batches--> central list
//                                      small ones: a few blocks of each class kept by each thread <--> shard lists
//
// Invariants:
//   I1  a block belongs to one class for ever; its class follows from (bytes, alignment) alone, so free needs no
//   header. I2  a block is in use, or in exactly one list. I3  no lock of this file is held while another one is taken,
//   but a central lock under a shard lock, and the region
//       lock under a central lock.
//   I4  what a thread keeps is its own until it ends (give_back_kept_memory): no lock, no atomic. A thread that ended
//       keeps nothing any more.
// Blocks above kLargest bytes are mapped and unmapped on their own.
#include "interpose/own_memory.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <mutex>

#include "interpose/futex_lock.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_mappings.hpp"
#include "interpose/own_memory_fork.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/say.hpp"

namespace vigil::shim {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kStep = 16;  // bytes between classes up to kFine
constexpr std::size_t kFine = 128;
constexpr std::size_t kLargest = kLargestOwnBlock;
constexpr std::size_t kRegionBytes = 4U << 20;
constexpr std::size_t kSmallRegionBytes = 256U << 10;  // asked for when RLIMIT_AS leaves no room for a whole one
constexpr std::size_t kFineClasses = kFine / kStep;    // 16, 32 .. 128
constexpr std::size_t kClasses =
    kFineClasses + std::size_t{4} * 10;  // then four per doubling: 160, 192, 224, 256 .. 128 KiB
constexpr std::size_t kShards = 8;
constexpr std::size_t kBatch = 32;  // blocks moved between a shard and the central list
constexpr std::size_t kShardMost = 2 * kBatch;
// Of the classes up to 640 bytes, a leaf of a clock, a thread keeps a few blocks: the two locked instructions that its
// shard's lock takes were a third of what a clock node, a task's record, an access set cost.
constexpr std::size_t kKeptClasses = kFineClasses + std::size_t{4} * 2 + 1;
constexpr std::size_t kMostKeptBytes = 2048;  // of one class
constexpr std::size_t kMostKept = 16;         // blocks
constexpr std::size_t kFetched = 4;           // blocks taken from the shard at once

constexpr std::size_t class_of(std::size_t bytes) noexcept {
  if (bytes <= kFine) return (bytes + kStep - 1) / kStep - 1;
  const auto top = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // 2^top < bytes <= 2^(top+1)
  const std::size_t quarter = (bytes - 1 - (std::size_t{1} << top)) >> (top - 2);
  return kFineClasses + (top - 7) * 4 + quarter;
}

constexpr std::size_t bytes_of(std::size_t size_class) noexcept {
  if (size_class < kFineClasses) return (size_class + 1) * kStep;
  const std::size_t above = size_class - kFineClasses;
  return (std::size_t{kFine} << (above / 4)) / 4 * (above % 4 + 5);
}

constexpr bool classes_are_sound() noexcept {
  for (std::size_t c = 0; c < kClasses; ++c) {
    if (class_of(bytes_of(c)) != c) return false;
    if (c > 0 && class_of(bytes_of(c - 1) + 1) != c) return false;
  }
  return bytes_of(kClasses - 1) == kLargest;
}
static_assert(classes_are_sound());

// An aligned block comes from a power-of-two class: those blocks lie at multiples of their size (up to a page).
constexpr std::size_t effective_bytes(std::size_t bytes, std::size_t alignment) noexcept {
  return alignment <= kStep ? bytes : std::bit_ceil(std::max(bytes, alignment));
}

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* head = nullptr;
  std::size_t count = 0;

  void push(void* block) noexcept {
    head = ::new (block) FreeBlock{head};
    ++count;
  }
  void* pop() noexcept {
    FreeBlock* const block = head;
    if (block == nullptr) return nullptr;
    head = block->next;
    --count;
    return block;
  }
  void move_from(FreeList& from, std::size_t most) noexcept {
    while (most-- > 0) {
      void* const block = from.pop();
      if (block == nullptr) return;
      push(block);
    }
  }
};

struct alignas(64) Shard {
  FutexLock lock;
  FreeList free;  // guarded by lock
};

struct alignas(64) Central {
  FutexLock lock;
  FreeList free;             // guarded by lock
  std::uintptr_t uncut = 0;  // [uncut, uncut_end) is cut into blocks as they are asked for; guarded by lock
  std::uintptr_t uncut_end = 0;
};

constinit std::array<std::array<Shard, kShards>, kClasses> shards{};
constinit std::array<Central, kClasses> central{};
constinit FutexLock region_lock;
constinit std::uintptr_t region = 0;  // [region, region_end) is handed to classes page-wise; guarded by region_lock
constinit std::uintptr_t region_end = 0;
constinit std::atomic<std::size_t> mapped{0};  // a statistic: relaxed, no data rides on it

// The last reserve, for the moments between "no more memory" and Off: what all threads that are inside then still ask
// for, a table that is made larger included. It costs memory where it is touched only, and is part of the shim, so it
// is there also when the program has forbidden itself all further memory (RLIMIT_AS).
alignas(kPage) constinit std::array<std::byte, 16U << 20> reserve{};
constinit std::atomic<std::size_t> reserve_used{0};

constexpr std::size_t most_kept(std::size_t size_class) noexcept {
  return std::clamp(kMostKeptBytes / bytes_of(size_class), kFetched, kMostKept);
}
static_assert(most_kept(kKeptClasses - 1) >= kFetched && bytes_of(kKeptClasses - 1) == 640);

thread_local constinit std::array<FreeList, kKeptClasses> kept __attribute__((tls_model("initial-exec"))) = {};
thread_local constinit bool keeps_nothing __attribute__((tls_model("initial-exec"))) = false;

thread_local constinit std::uint8_t my_shard __attribute__((tls_model("initial-exec"))) = 0xff;
constinit std::atomic<std::uint8_t> next_shard{0};  // relaxed: spreads threads, nothing more

std::size_t shard_of_thread() noexcept {
  if (my_shard == 0xff)
    my_shard = static_cast<std::uint8_t>(next_shard.fetch_add(1, std::memory_order_relaxed) % kShards);
  return my_shard;
}

std::uintptr_t map_pages(std::size_t bytes) noexcept {
  const long at = raw_syscall(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at < 0 && at > -4096) return 0;
  mapped.fetch_add(bytes, std::memory_order_relaxed);
  note_own_mapping(static_cast<std::uintptr_t>(at), bytes);
  return static_cast<std::uintptr_t>(at);
}

void* from_reserve(std::size_t bytes) noexcept {
  go_off("the system has no more memory");
  // As aligned as a block of that size may have to be.
  const std::size_t alignment = std::min(std::bit_ceil(bytes), kPage);
  std::size_t used = reserve_used.load(std::memory_order_relaxed);
  std::size_t at = 0;
  do {
    at = (used + alignment - 1) / alignment * alignment;
    if (at + bytes > reserve.size()) {
      say("the system has no more memory, and the reserve is used up: the program is ended");
      raw_syscall(SYS_exit_group, 134);
    }
  } while (!reserve_used.compare_exchange_weak(used, at + bytes, std::memory_order_relaxed));
  return reserve.data() + at;
}

// A page-aligned run of at least `bytes` for one class. 0: the system has no more.
std::uintptr_t take_pages(std::size_t bytes) noexcept {
  const std::lock_guard held(region_lock);
  if (region_end - region < bytes) {
    // What is left of the old region is forgotten: it was never touched, so it costs address space only.
    std::size_t size = kRegionBytes;
    std::uintptr_t fresh = map_pages(size);
    if (fresh == 0) fresh = map_pages(size = std::max(kSmallRegionBytes, bytes));
    if (fresh == 0) return 0;
    region = fresh;
    region_end = fresh + size;
  }
  const std::uintptr_t at = region;
  region += bytes;
  return at;
}

// Moves up to a batch of blocks of one class into `out`.
void refill(std::size_t size_class, FreeList& out) noexcept {
  Central& source = central[size_class];
  const std::size_t bytes = bytes_of(size_class);
  const std::lock_guard held(source.lock);
  out.move_from(source.free, kBatch);
  if (out.count > 0) return;
  if (source.uncut_end - source.uncut < bytes) {
    const std::size_t run = (std::max(bytes, std::size_t{32U << 10}) + kPage - 1) / kPage * kPage;
    source.uncut = take_pages(run);
    source.uncut_end = source.uncut == 0 ? 0 : source.uncut + run;
  }
  // Cut only a few at once when blocks are big, so that memory is touched when it is needed.
  const std::size_t most = std::clamp<std::size_t>(kPage / bytes, 1, kBatch);
  for (std::size_t i = 0; i < most && source.uncut_end - source.uncut >= bytes; ++i) {
    out.push(reinterpret_cast<void*>(source.uncut));
    source.uncut += bytes;
  }
}

// Up to `most` blocks of one class for `out`, by way of this thread's shard.
void fetch(std::size_t size_class, std::size_t most, FreeList& out) noexcept {
  Shard& shard = shards[size_class][shard_of_thread()];
  const std::lock_guard held(shard.lock);
  if (shard.free.count == 0) refill(size_class, shard.free);
  out.move_from(shard.free, most);
}

// As many blocks of one class go back to this thread's shard, and from there on when it has many.
void give_back(std::size_t size_class, FreeList& from, std::size_t count) noexcept {
  Shard& shard = shards[size_class][shard_of_thread()];
  const std::lock_guard held(shard.lock);
  shard.free.move_from(from, count);
  if (shard.free.count > kShardMost) {
    Central& target = central[size_class];
    const std::lock_guard held_central(target.lock);
    target.free.move_from(shard.free, kBatch);
  }
}

}  // namespace

void* own_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t wanted = effective_bytes(std::max<std::size_t>(bytes, 1), alignment);
  if (wanted > kLargest) {
    const std::size_t rounded = (wanted + kPage - 1) / kPage * kPage;
    const std::uintptr_t at = map_pages(rounded);
    return at != 0 ? reinterpret_cast<void*>(at) : from_reserve(rounded);
  }
  const std::size_t size_class = class_of(wanted);
  if (size_class < kKeptClasses && !keeps_nothing) [[likely]] {
    FreeList& mine = kept[size_class];
    if (mine.head == nullptr) fetch(size_class, kFetched, mine);
    void* const block = mine.pop();
    return block != nullptr ? block : from_reserve(wanted);
  }
  FreeList one;
  fetch(size_class, 1, one);
  return one.head != nullptr ? one.head : from_reserve(wanted);
}

void own_free(void* block, std::size_t bytes, std::size_t alignment) noexcept {
  if (block == nullptr) return;
  const auto at = static_cast<std::byte*>(block);
  if (std::less_equal<>{}(reserve.data(), at) && std::less<>{}(at, reserve.data() + reserve.size())) return;
  const std::size_t wanted = effective_bytes(std::max<std::size_t>(bytes, 1), alignment);
  if (wanted > kLargest) {
    const std::size_t rounded = (wanted + kPage - 1) / kPage * kPage;
    forget_own_mapping(reinterpret_cast<std::uintptr_t>(block));
    raw_syscall(SYS_munmap, reinterpret_cast<long>(block), static_cast<long>(rounded));
    mapped.fetch_sub(rounded, std::memory_order_relaxed);
    return;
  }
  const std::size_t size_class = class_of(wanted);
  if (size_class < kKeptClasses && !keeps_nothing) [[likely]] {
    FreeList& mine = kept[size_class];
    mine.push(block);
    if (mine.count > most_kept(size_class)) give_back(size_class, mine, mine.count / 2);
    return;
  }
  FreeList one;
  one.push(block);
  give_back(size_class, one, 1);
}

void give_back_kept_memory() noexcept {
  keeps_nothing = true;
  for (std::size_t size_class = 0; size_class < kKeptClasses; ++size_class) {
    if (kept[size_class].count != 0) give_back(size_class, kept[size_class], kept[size_class].count);
  }
}

std::size_t own_memory_mapped() noexcept { return mapped.load(std::memory_order_relaxed); }

void lock_own_memory_for_fork() noexcept {
  for (auto& of_class : shards) {
    for (Shard& shard : of_class) shard.lock.lock();
  }
  for (Central& one : central) one.lock.lock();
  region_lock.lock();
}

void unlock_own_memory_after_fork() noexcept {
  region_lock.unlock();
  for (Central& one : central) one.lock.unlock();
  for (auto& of_class : shards) {
    for (Shard& shard : of_class) shard.lock.unlock();
  }
}

}  // namespace vigil::shim
