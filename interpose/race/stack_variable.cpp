#include "interpose/race/stack_variable.hpp"

#include <link.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "interpose/actor.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/stacks/modules.hpp"
#include "interpose/stacks/safe_read.hpp"
#include "interpose/threads.hpp"

// Where the stack of the first thread began; the loader's.
extern "C" void* __libc_stack_end;

namespace vigil::shim::race {
namespace {

constexpr std::uintptr_t kStackPage = 4096;
constexpr std::uintptr_t kWord = sizeof(std::uintptr_t);
constexpr std::uintptr_t kMostStack = 64U << 20U;         // bytes between a variable and the end of its stack
constexpr std::uintptr_t kLargestFrame = 1U << 20U;       // bytes
constexpr std::uintptr_t kMostThreadLocal = 1U << 20U;    // bytes of one module's
constexpr std::uint32_t kMostLooks = 2000;                // of one run: a look may take a millisecond
constexpr std::size_t kMostCalls = std::size_t{1} << 20;  // of one stack

constinit std::atomic<std::uint32_t> looks{0};

// Whoever owns the memory may give it back meanwhile.
bool read_memory(std::uintptr_t from, void* to, std::size_t bytes) noexcept {
  const iovec here{to, bytes};
  const iovec there{reinterpret_cast<void*>(from), bytes};
  const long got = raw_syscall(SYS_process_vm_readv, raw_syscall(SYS_getpid), reinterpret_cast<long>(&here), 1,
                               reinterpret_cast<long>(&there), 1, 0);
  return got == static_cast<long>(bytes);
}

// Stacks have guards between them: what can be read without a gap is of one.
bool is_one_stack(std::uintptr_t low, std::uintptr_t high) noexcept {
  if (high - low > kMostStack) return false;
  for (std::uintptr_t page = low / kStackPage * kStackPage; page < high; page += kStackPage) {
    if (!unwind::is_readable(page)) return false;
  }
  return true;
}

// ---- whose ----------------------------------------------------------------------------------------------------------

// An actor whose stack it is; where its part of the engine lies is read only through read_memory().
struct Owner {
  bool known = false;
  ActorType type = ActorType::Thread;
  std::uint64_t id = 0;
  std::uintptr_t actor = 0;
};

Owner task_with(std::uintptr_t address) noexcept {
  const vigil_probe_runtime* const table = runtime();
  if (table == nullptr || !has(*table, &vigil_probe_runtime::each_own_range)) return {};
  struct Search {
    std::uintptr_t address;
    bool is_inside = false;
  } search{address};
  table->each_own_range(
      [](std::uintptr_t low, std::uintptr_t high, void* context) -> int {
        auto& wanted = *static_cast<Search*>(context);
        wanted.is_inside = wanted.address >= low && wanted.address < high;
        return wanted.is_inside ? 0 : 1;
      },
      &search);
  if (!search.is_inside) return {};
  Owner found;
  for_each_actor([&](const vigil_probe_actor_view& view) {
    if (view.stack_high == 0) return false;  // threads come last
    if (address < view.stack_low || address >= view.stack_high) return true;
    found = {.known = true,
             .type = ActorType::Task,
             .id = view.actor->id,
             .actor = reinterpret_cast<std::uintptr_t>(view.actor->watch)};
    return false;
  });
  return found;
}

// The thread whose control block is the next above the address: there a thread's own variables lie, and below them its
// stack, but for main's.
struct ThreadAbove {
  std::uintptr_t address = 0;
  std::uintptr_t handle = ~std::uintptr_t{0};
  Owner owner;
  Owner main;
};
ThreadAbove thread_above(std::uintptr_t address) noexcept {
  ThreadAbove search;
  search.address = address;
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        auto& best = *static_cast<ThreadAbove*>(context);
        const Owner owner{.known = true,
                          .type = ActorType::Thread,
                          .id = thread.id,
                          .actor = reinterpret_cast<std::uintptr_t>(&thread)};
        const std::uintptr_t handle = thread.thread->handle.load(std::memory_order_relaxed);
        if (thread.id == 1) best.main = owner;
        if (handle > best.address && handle < best.handle) {
          best.handle = handle;
          best.owner = owner;
        }
        return true;
      },
      &search);
  return search;
}

// ---- variables of a thread's own ------------------------------------------------------------------------------------

struct ThreadLocalSearch {
  std::uintptr_t below;  // bytes from the variable to the control block of its thread
  ThreadLocalPlace found;
};

// Those of the modules that were there at the start lie at the same distance from every thread's control block.
int look_into_module(dl_phdr_info* module, std::size_t size, void* context) noexcept {
  auto& search = *static_cast<ThreadLocalSearch*>(context);
  if (size < offsetof(dl_phdr_info, dlpi_tls_data) + sizeof(module->dlpi_tls_data)) return 1;
  const auto own = reinterpret_cast<std::uintptr_t>(module->dlpi_tls_data);
  const auto self = static_cast<std::uintptr_t>(pthread_self());
  if (own == 0 || own >= self || self - own > kMostThreadLocal) return 0;
  std::uintptr_t bytes = 0;
  std::uintptr_t code = 0;
  for (std::size_t i = 0; i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = module->dlpi_phdr[i];
    if (segment.p_type == PT_TLS) bytes = segment.p_memsz;
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0 && code == 0)
      code = module->dlpi_addr + segment.p_vaddr;
  }
  const std::uintptr_t begin = self - own;
  if (search.below > begin || begin - search.below >= bytes) return 0;
  search.found = {.code = code, .offset = begin - search.below};
  return 1;
}

// ---- in which call --------------------------------------------------------------------------------------------------

// The stack pointer that is noted of a call is that of the entry point which notes it: the return address into the
// function lies there, or above a few registers that the entry point has saved.
constexpr std::size_t kSaved = 8;  // words

// Where the frame of a call lies that holds the address: the call's own stack pointer is known about, and its return
// address must lie above the variable, below the frame further out.
LocalPlace place_in(const CallFrame& call, std::uintptr_t address, std::uintptr_t frame_end) noexcept {
  const std::uintptr_t lowest =
      (address / kWord - (static_cast<std::uint32_t>(address / kWord) - call.stack_at)) * kWord;
  // What the function called last left its return address just below the function's stack pointer.
  std::array<std::uintptr_t, kSaved> words{};
  if (!read_memory(lowest, words.data(), sizeof words)) return {};
  const auto* const inside =
      std::find_if(words.begin(), words.end(), [](std::uintptr_t word) { return word != 0 && module_at(word) != 0; });
  if (inside == words.end()) return {};
  const std::uintptr_t stack_pointer = lowest + static_cast<std::uintptr_t>(inside - words.begin() + 1) * kWord;
  if (stack_pointer > address) return {};
  for (std::uintptr_t at = (address + kWord - 1) / kWord * kWord; at < frame_end;) {
    std::array<std::uintptr_t, 64> piece{};
    const std::uintptr_t page_end = at / kStackPage * kStackPage + kStackPage;  // behind it the stack may have ended
    const std::size_t count =
        std::min(piece.size(), static_cast<std::size_t>((std::min(frame_end, page_end) - at) / kWord));
    if (count == 0 || !read_memory(at, piece.data(), count * kWord)) return {};
    for (std::size_t i = 0; i < count; ++i) {
      if (piece[i] != call.return_address) continue;
      return {.pc = *inside - 1,
              .below_frame = static_cast<std::uint32_t>(at + (i + 1) * kWord - address),
              .above_stack = static_cast<std::uint32_t>(address - stack_pointer)};
    }
    at += count * kWord;
  }
  return {};
}

// Calls lie below those that made them: the first whose stack pointer is not above the address is the one. Read are the
// calls that go on, and behind them what earlier ones left; who holds a variable that is used goes on.
LocalPlace place_of(const Owner& owner, std::uintptr_t address) noexcept {
  std::uintptr_t part = 0;
  ActorPart calls;
  if (owner.actor == 0 || !read_memory(owner.actor + offsetof(Actor, memory), &part, sizeof part) || part == 0)
    return {};
  if (!read_memory(part, &calls, sizeof calls) || calls.frames == nullptr || calls.limit <= calls.frames) return {};
  const std::size_t size = std::min(static_cast<std::size_t>(calls.limit - calls.frames), kMostCalls);
  const auto word = static_cast<std::uint32_t>(address / kWord);
  const auto is_above = [](std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) > 0; };
  CallFrame outer{};
  std::array<CallFrame, 32> some{};
  for (std::size_t at = 0; at < size; at += some.size()) {
    const std::size_t count = std::min(some.size(), size - at);
    if (!read_memory(reinterpret_cast<std::uintptr_t>(calls.frames + at), some.data(), count * sizeof(CallFrame)))
      return {};
    for (std::size_t i = 0; i < count; ++i) {
      const CallFrame call = some[i];
      const bool is_outermost = at + i == 0;
      if (!is_outermost && (call.return_address == 0 || !is_above(outer.stack_at, call.stack_at))) return {};
      if (!is_outermost && !is_above(call.stack_at, word)) {
        const std::uintptr_t outer_end = (address / kWord + (outer.stack_at - word) + kSaved) * kWord;
        return place_in(call, address, std::min(outer_end, address + kLargestFrame));
      }
      outer = call;
    }
  }
  return {};
}

StackVariable on_stack_of(const Owner& owner, std::uintptr_t address) noexcept {
  return {.kind = StackVariable::Kind::OnStack,
          .owner_type = owner.type,
          .owner = owner.id,
          .local = place_of(owner, address)};
}

}  // namespace

StackVariable stack_variable_at(std::uintptr_t address) noexcept {
  if (module_at(address) != 0 || looks.fetch_add(1, std::memory_order_relaxed) >= kMostLooks) return {};
  if (const Owner task = task_with(address); task.known) return on_stack_of(task, address);
  const ThreadAbove above = thread_above(address);
  if (above.owner.known && above.handle - address <= kMostStack) {
    ThreadLocalSearch search{.below = above.handle - address, .found = {}};
    if (search.below <= kMostThreadLocal) dl_iterate_phdr(look_into_module, &search);
    if (search.found.code != 0) {
      return {.kind = StackVariable::Kind::ThreadLocal,
              .owner_type = ActorType::Thread,
              .owner = above.owner.id,
              .thread_local_at = search.found};
    }
  }
  const auto main_end = reinterpret_cast<std::uintptr_t>(__libc_stack_end);
  if (above.main.known && address < main_end && is_one_stack(address, main_end))
    return on_stack_of(above.main, address);
  if (above.owner.known && above.owner.id != 1 && is_one_stack(address, above.handle))
    return on_stack_of(above.owner, address);
  return {};
}

}  // namespace vigil::shim::race
