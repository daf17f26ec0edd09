#include "interpose/race/shadow_map.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>

#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/reserve.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::race {

namespace detail {
constinit std::atomic<std::uint8_t>* touched_chunks = nullptr;
}

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kChunkBytes = std::size_t{1} << detail::kChunkShift;  // of the application
constexpr std::size_t kChunkShadow = kChunkBytes / 2;
constexpr std::size_t kChunks = kWatchedEnd >> detail::kChunkShift;
constexpr std::size_t kPagesOfChunk = kChunkShadow / kPage;

constinit std::uintptr_t lowest_address = kWatchedEnd;  // with a shadow; set once, before anybody asks
constinit FutexLock chunks_lock;
constinit OwnVector<std::uint32_t>* chunks = nullptr;  // those touched, in order of first touch; guarded by chunks_lock
constinit std::atomic<std::size_t> in_memory{0};       // a statistic: relaxed

using Pair = std::atomic<std::uint64_t>;  // two cells at once
constexpr int kLineCells = 16;

// A line at a time: of a stack, and of a page, most was never used.
bool is_line_untouched(const Pair* pairs) noexcept {
  std::uint64_t some = 0;
  for (int i = 0; i < kLineCells / 2; ++i) some |= pairs[i].load(std::memory_order_relaxed);
  return some == 0;
}

// With chunks_lock.
void note_place(std::uintptr_t chunk) noexcept {
  if (detail::touched_chunks[chunk].load(std::memory_order_relaxed) != 0) return;
  chunks->push_back(static_cast<std::uint32_t>(chunk));
  detail::touched_chunks[chunk].store(1, std::memory_order_relaxed);
}

// All places where the states of a chunk of stacks lie. With chunks_lock.
void note_places_of_stacks(std::uintptr_t from) noexcept {
  static_assert(stacks::kFrom % kChunkBytes == 0 && stacks::kOthers % kChunkBytes == 0);
  note_place((stacks::kOthers + (from - stacks::kFrom)) / kChunkBytes);
  // Between the first and the last place of a stack's uppermost page lies at most one chunk's end.
  static_assert(stacks::kGroupBytes <= kChunkBytes);
  const std::uint32_t last = stacks::page_of(from + kChunkBytes - 1) / stacks::kSlotPages;
  for (std::uint32_t slot = stacks::page_of(from) / stacks::kSlotPages; slot <= last; ++slot) {
    for (const std::uintptr_t in_page : {std::uintptr_t{0}, std::uintptr_t{kPage - 1}}) {
      const std::uintptr_t offset = stacks::colour(slot) + in_page;
      note_place(stacks::place_behind(stacks::first_place(slot), offset) / kChunkBytes);
    }
  }
}

// Of places. Reads before it writes: a page nobody touched must not become memory by being cleared.
bool clear_cells(std::uintptr_t from, std::uintptr_t to) noexcept {
  bool any = false;
  auto* cell = &cell_in(from);
  ShadowCell* const end = &cell_in(to);
  const auto is_odd = [](const ShadowCell* at) { return reinterpret_cast<std::uintptr_t>(at) % 8 != 0; };
  const auto clear = [&any](ShadowCell* at) {
    if (at->load(std::memory_order_relaxed) == kUntouched) return;
    at->store(kUntouched, std::memory_order_relaxed);
    any = true;
  };
  if (cell != end && is_odd(cell)) clear(cell++);
  const auto clear_pair = [&any](Pair* both) {
    if (both->load(std::memory_order_relaxed) == 0) return;
    both->store(0, std::memory_order_relaxed);
    any = true;
  };
  for (; end - cell >= kLineCells; cell += kLineCells) {
    auto* const pairs = reinterpret_cast<Pair*>(cell);
    const bool is_used = !is_line_untouched(pairs);
    for (unsigned i = 0; is_used && i < kLineCells / 2; ++i) clear_pair(pairs + i);
  }
  for (; end - cell >= 2; cell += 2) clear_pair(reinterpret_cast<Pair*>(cell));
  if (cell != end) clear(cell);
  return any;
}

// Of addresses whose states lie in their own place.
bool clear_in_place(std::uintptr_t address, std::uintptr_t end) noexcept {
  constexpr std::size_t kManyPages = 16;
  // A long stretch: its whole pages go back to the system, in one call however much of it was ever touched.
  const std::uintptr_t first_page = (reinterpret_cast<std::uintptr_t>(&cell_in(address)) + kPage - 1) / kPage * kPage;
  const std::uintptr_t last_page = reinterpret_cast<std::uintptr_t>(&cell_in(end)) / kPage * kPage;
  if (last_page > first_page && last_page - first_page >= kManyPages * kPage) {
    give_pages_back(first_page, last_page - first_page);
    clear_cells(address, (first_page - kShadowBase) * 2);
    clear_cells((last_page - kShadowBase) * 2, end);
    return true;
  }
  bool any = false;
  while (address < end) {
    const std::uintptr_t next = std::min(end, (address / kChunkBytes + 1) * kChunkBytes);
    if (is_touched_chunk(address)) any |= clear_cells(address, next);
    address = next;
  }
  return any;
}

// Where the entry points look in vain for the state of a stack, no page is ever written: the system's one huge page of
// zeros serves sixteen stacks, at one fault instead of sixteen. Where it has none, a huge page would be memory.
void make_stacks_readable() noexcept {
  constexpr const char* kAnswer = "/sys/kernel/mm/transparent_hugepage/use_zero_page";
  const long file = raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(kAnswer), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  char answer = 0;
  raw_syscall(SYS_read, file, reinterpret_cast<long>(&answer), 1);
  raw_syscall(SYS_close, file);
  if (answer != '1') return;
  raw_syscall(SYS_madvise, static_cast<long>(kShadowBase + stacks::kFrom / 2),
              static_cast<long>((stacks::kEnd - stacks::kFrom) / 2), MADV_HUGEPAGE);
}

void visit_page(const ShadowCell* cells, void (*visit)(StateId, void*), void* context) noexcept {
  StateId before = kUntouched;
  for (std::size_t line = 0; line < kPage / sizeof(ShadowCell); line += kLineCells) {
    if (is_line_untouched(reinterpret_cast<const Pair*>(cells + line))) continue;
    for (std::size_t i = line; i < line + kLineCells; ++i) {
      const StateId state = cells[i].load(std::memory_order_relaxed);
      if (state == before || state == kUntouched) continue;
      before = state;
      visit(state, context);
    }
  }
}

}  // namespace

ShadowExtent map_shadow() noexcept {
  detail::touched_chunks = static_cast<std::atomic<std::uint8_t>*>(reserve_zeroed(kChunks));
  if (detail::touched_chunks == nullptr) return ShadowExtent::None;
  if (reserve_zeroed(kShadowBytes, kShadowBase) != nullptr) {
    lowest_address = 0;
    make_stacks_readable();
    return ShadowExtent::Whole;
  }
  constexpr std::size_t kMissing = kLowestEnd / 2;
  if (reserve_zeroed(kShadowBytes - kMissing, kShadowBase + kMissing) == nullptr) return ShadowExtent::None;
  lowest_address = kLowestEnd;
  make_stacks_readable();
  return ShadowExtent::WithoutLowest;
}

bool has_shadow(std::uintptr_t address) noexcept { return address >= lowest_address && address < kWatchedEnd; }

void detail::note_chunk_slow(std::uintptr_t chunk) noexcept {
  chunks_lock.lock();
  if (chunks == nullptr) chunks = own_new<OwnVector<std::uint32_t>>();
  const std::uintptr_t from = chunk * kChunkBytes;
  if (is_in_stacks(from)) {
    note_places_of_stacks(from);
    // Last: who sees it counts on the places being noted.
    touched_chunks[chunk].store(1, std::memory_order_relaxed);
  } else {
    note_place(chunk);
  }
  chunks_lock.unlock();
}

bool clear_shadow(std::uintptr_t address, std::size_t size) noexcept {
  const std::uintptr_t end = address + size;
  bool any = false;
  while (address < end) {
    if (is_in_stacks(address) && !is_touched_chunk(address)) {
      address = std::min(end, (address / kChunkBytes + 1) * kChunkBytes);
      continue;
    }
    const Piece piece = piece_at(address, end);
    any |= piece.moved == 0 ? clear_in_place(address, piece.end)
                            : clear_cells(address + piece.moved, piece.end + piece.moved);
    address = piece.end;
  }
  return any;
}

void each_state(void (*visit)(StateId, void*), void* context) noexcept {
  chunks_lock.lock();
  const std::size_t count = chunks == nullptr ? 0 : chunks->size();
  chunks_lock.unlock();
  std::size_t pages = 0;
  // Tells which pages have contents, so that those never touched need not be read. Without it all are.
  const long page_map =
      raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>("/proc/self/pagemap"), O_RDONLY | O_CLOEXEC);
  for (std::size_t i = 0; i < count; ++i) {
    chunks_lock.lock();
    const std::uintptr_t chunk = (*chunks)[i];
    chunks_lock.unlock();
    const std::uintptr_t shadow = kShadowBase + chunk * kChunkShadow;
    std::array<std::uint64_t, kPagesOfChunk> present{};
    constexpr std::uint64_t kHasContents = std::uint64_t{3} << 62U;  // in memory, or swapped out
    const bool knows =
        raw_syscall(SYS_pread64, page_map, reinterpret_cast<long>(present.data()), sizeof(present),
                    static_cast<long>(shadow / kPage * sizeof(std::uint64_t))) == static_cast<long>(sizeof(present));
    for (std::size_t page = 0; page < kPagesOfChunk; ++page) {
      if (knows && (present[page] & kHasContents) == 0) continue;
      ++pages;
      visit_page(reinterpret_cast<const ShadowCell*>(shadow + page * kPage), visit, context);
    }
  }
  if (page_map >= 0) raw_syscall(SYS_close, page_map);
  in_memory.store(pages * kPage, std::memory_order_relaxed);
}

std::size_t shadow_in_memory() noexcept { return in_memory.load(std::memory_order_relaxed); }

}  // namespace vigil::shim::race
