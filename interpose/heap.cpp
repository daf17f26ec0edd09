#include "interpose/heap.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>

#include "interpose/futex_lock.hpp"
#include "interpose/heap_blocks.hpp"
#include "interpose/instrumented_code.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/race/atomic_points.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::heap {
namespace {

// More of a block is not marked as freed, or as filled: it would cost a shadow that the program never asked for. What
// the allocator maps for itself (128 KiB and more) goes back to the system anyway.
constexpr std::size_t kMostMarked = 64U << 10U;

constinit std::atomic<bool> watched{false};
thread_local constinit std::uintptr_t on_behalf_of __attribute__((tls_model("initial-exec"))) = 0;
// Whether an allocation was told since the innermost OnBehalf began.
thread_local constinit bool has_told __attribute__((tls_model("initial-exec"))) = false;
// Whether an operator new was met that does not call malloc. Never false again.
constinit std::atomic<bool> unseen_operators{false};

std::uintptr_t address_of(const void* block) noexcept { return reinterpret_cast<std::uintptr_t>(block); }

// Freed blocks that the allocator does not have back yet, first in, first out, in a few lanes so that threads do not
// wait for each other.
class Quarantine {
 public:
  constexpr Quarantine() noexcept = default;

  // Takes the block and gives others to be freed in its place: how many. If it does not take this one, that is among
  // them.
  static constexpr std::size_t kMost = 5;
  std::size_t swap(void* block, std::size_t bytes, std::array<void*, kMost>& others) noexcept {
    std::size_t given = 0;
    if (bytes <= kLargest) {
      Lane& lane = lanes_[static_cast<unsigned>(known_tid()) % kLanes];
      const auto is_full = [&] { return lane.count == kBlocks || lane.bytes + bytes > kBytes; };
      const std::lock_guard held(lane.lock);
      while (is_full() && given + 1 < kMost) {
        const Waiting& oldest = lane.blocks[lane.first];
        others[given++] = oldest.block;
        lane.bytes -= oldest.bytes;
        lane.first = (lane.first + 1) % kBlocks;
        --lane.count;
      }
      if (given + 1 < kMost || !is_full()) {
        lane.blocks[(lane.first + lane.count) % kBlocks] = {block, static_cast<std::uint32_t>(bytes)};
        ++lane.count;
        lane.bytes += bytes;
        return given;
      }
    }
    others[given++] = block;
    return given;
  }

 private:
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kBlocks = 512;         // in a lane
  static constexpr std::size_t kBytes = 256U << 10U;  // in a lane: 2 MiB in all
  static constexpr std::size_t kLargest = 16U << 10U;
  struct Waiting {
    void* block = nullptr;
    std::uint32_t bytes = 0;
  };
  struct alignas(64) Lane {
    FutexLock lock;
    std::size_t first = 0;
    std::size_t count = 0;
    std::size_t bytes = 0;
    std::array<Waiting, kBlocks> blocks{};
  };
  static int known_tid() noexcept {
    static thread_local constinit int tid __attribute__((tls_model("initial-exec"))) = 0;
    if (tid == 0) tid = this_tid();
    return tid;
  }
  std::array<Lane, kLanes> lanes_{};
};
constinit Quarantine quarantine;

bool can_tell() noexcept { return is_watched() && !inside_shim && !race::atomics::in_operation; }

bool find_block(std::uintptr_t address, race::BlockInfo& info) noexcept {
  HeapBlock block;
  std::uintptr_t start = 0;
  if (!heap_blocks.find(address, start, block)) return false;
  info = {.start = start,
          .size = block.size,
          .number = block.number,
          .allocated_at = race::stack_of(block.place),
          .allocated_by = block.owner};
  return true;
}

}  // namespace

OnBehalf::OnBehalf(std::uintptr_t pc) noexcept : before_(on_behalf_of), had_told_(has_told) {
  on_behalf_of = pc;
  has_told = false;
}
OnBehalf::~OnBehalf() {
  on_behalf_of = before_;
  has_told = has_told || had_told_;  // the call around this one may have got its block already
}

bool is_watched() noexcept { return watched.load(std::memory_order_relaxed); }

void watch() noexcept {
  if (is_watched()) return;
  race::set_block_finder(find_block);
  watched.store(true, std::memory_order_relaxed);
  if (watch_calls != nullptr) watch_calls();
}

namespace {

// room: all that the program may use of it.
void note_block(const void* block, std::size_t size, std::size_t room, std::uintptr_t pc) noexcept {
  const int saved_errno = errno;
  race::forget(address_of(block), room);
  const race::PlaceId place = race::place_here(pc);
  {
    const InsideGuard inside;
    if (ensure_live()) heap_blocks.allocated(address_of(block), size, room, place, key_of(current_actor()));
  }
  errno = saved_errno;
}

}  // namespace

void allocated(const RealHeap& real, void* block, std::size_t size, std::uintptr_t pc) noexcept {
  if (block == nullptr || !can_tell()) return;
  has_told = true;
  // The program may use more than it asked for if it asks malloc_usable_size().
  note_block(block, size, std::max(real.usable_size(block), size), on_behalf_of != 0 ? on_behalf_of : pc);
}

void* OnBehalf::made(std::uintptr_t function, void* block, std::size_t size) const noexcept {
  // One that is instrumented says itself what it does with its memory.
  if (has_told || block == nullptr || !can_tell() || is_instrumented(function)) return block;
  unseen_operators.store(true, std::memory_order_relaxed);
  note_block(block, size, size, on_behalf_of);
  return block;
}

void deleting(const void* block) noexcept {
  if (!unseen_operators.load(std::memory_order_relaxed) || block == nullptr || !can_tell()) return;
  HeapBlock known;
  std::uintptr_t start = 0;
  if (heap_blocks.find(address_of(block), start, known) && start == address_of(block)) mapped(block, known.size);
}

void filled(const void* block, std::size_t bytes, std::uintptr_t pc) noexcept {
  if (block == nullptr || bytes == 0 || !can_tell()) return;
  if (on_behalf_of != 0) pc = on_behalf_of;
  // Code that is not instrumented may hand the block on in ways that nobody sees.
  if (is_instrumented(pc) && race::ignored.writes == 0) {
    race::on_write(address_of(block), std::min(bytes, kMostMarked), pc);
  }
}

std::size_t asked_for(const void* block, std::size_t room) noexcept {
  std::size_t bytes = room;
  record([&] { bytes = std::min(room, heap_blocks.size_of(address_of(block), room)); });
  return bytes;
}

namespace {

// room, here and below: what the program may use of the block.
void mark_freed(const void* block, std::size_t room, std::uintptr_t pc) noexcept {
  if (on_behalf_of != 0) pc = on_behalf_of;
  const std::size_t marked = std::min(room, kMostMarked);
  // Whoever frees for others (an item that was left in a channel) is not compared either.
  const bool is_compared = race::ignored.writes == 0 && is_instrumented(pc);
  if (unseen_operators.load(std::memory_order_relaxed)) {
    if (is_compared) race::on_write(address_of(block), marked, pc);
    return race::forget(address_of(block), room);
  }
  if (!is_compared) race::forget(address_of(block), marked);
  race::freed(address_of(block), marked, pc);
  if (marked < room) race::forget(address_of(block) + marked, room - marked);
}

// Before a block goes to the allocator. Those that libc has mapped by themselves it unmaps, by a call that nobody sees,
// and what it maps there next, a thread's stack or a module, comes unseen as well: no mark may outlive the block.
void unmark_if_mapped(const RealHeap& real, void* block) noexcept {
  constexpr std::size_t kIsMapped = 2;  // in the size before the block, part of glibc's layout for debuggers
  if (!real.is_libcs || (static_cast<const std::size_t*>(block)[-1] & kIsMapped) == 0) return;
  race::forget(address_of(block), std::min(real.usable_size(block), kMostMarked));
}

}  // namespace

void freeing(const RealHeap& real, void* block, std::uintptr_t pc) noexcept {
  if (!can_tell()) return;
  const std::size_t room = real.usable_size(block);
  mark_freed(block, room, pc);
  unmark_if_mapped(real, block);
  record([&] { race::atomic_points.forget(address_of(block), room); });
}

void free_later(const RealHeap& real, void* block, std::uintptr_t pc) noexcept {
  if (!can_tell() || stage() != Stage::Live) return real.free(block);
  const int saved_errno = errno;  // free() keeps it, as of glibc 2.33
  const std::size_t room = real.usable_size(block);
  mark_freed(block, room, pc);
  std::array<void*, Quarantine::kMost> others;
  std::size_t given = 0;
  {
    const InsideGuard inside;
    race::atomic_points.forget(address_of(block), room);
    given = quarantine.swap(block, room, others);
  }
  for (std::size_t i = 0; i < given; ++i) {
    unmark_if_mapped(real, others[i]);
    real.free(others[i]);
  }
  errno = saved_errno;
}

void mapped(const void* at, std::size_t size) noexcept {
  if (!is_watched() || inside_shim) return;
  const int saved_errno = errno;
  race::forget(address_of(at), size);
  record([&] { race::atomic_points.forget(address_of(at), size); });
  errno = saved_errno;
}

}  // namespace vigil::shim::heap
