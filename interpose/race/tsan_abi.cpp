// The names of the ThreadSanitizer ABI for plain accesses and calls: what g++ and clang make instrumented code call.
//
// The hot half of every one of them is here, to be seen whole: the running actor's epoch, the granule's state, and one
// entry of the thread's covered accesses. Compiled with optimisation in every preset: calls to the sanitizer's own
// runtime (EngineMode::Tsan) must be jumps, for it looks at its return address.
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "interpose/export.hpp"
#include "interpose/instrumented_code.hpp"
#include "interpose/race/covered.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/race/engine_start.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/next_entry.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/race/usual_access.hpp"

using namespace vigil::shim;        // the entry points are C functions and stand outside every namespace
using namespace vigil::shim::race;  // NOLINT(google-build-using-namespace)

namespace {

[[gnu::always_inline]] inline std::uintptr_t caller() noexcept {
  return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
}

[[gnu::always_inline]] inline void slow_access(std::uintptr_t address, std::size_t size, Use use,
                                               std::uintptr_t pc) noexcept {
  if (use == Use::Write) {
    on_write(address, size, pc);
  } else {
    on_read(address, size, pc);
  }
}

// No actor is known on this thread.
template <std::size_t kSize, Use kUse>
[[gnu::noinline]] void cold_access(void* at, NextEntry<void(void*)>& next) noexcept {
  if (bridge::is_unseen()) return;
  if (auto* const real = next.if_passed_on()) return real(at);
  slow_access(reinterpret_cast<std::uintptr_t>(at), kSize, kUse,
              reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
}

// Whether what is known of that address, in whose own place that state was found, lies in another one.
[[gnu::always_inline]] inline bool is_elsewhere(StateId in_place, std::uintptr_t address) noexcept {
  return in_place == kUntouched && is_in_stacks(address);  // P2 of stack_places.hpp
}

// To a task's stack, whose states lie elsewhere than the entry points look (stack_places.hpp). Out of line, for it
// takes a few instructions more. Demands: within one granule, or two whole ones.
template <std::size_t kSize, Use kUse>
[[gnu::noinline]] void stack_access(std::uintptr_t address, std::uintptr_t pc) noexcept {
  constexpr std::uint64_t kHow = kUse == Use::Write ? AccessWord::kWrite : 0;
  const std::uint64_t epoch = *hot.epoch;
  if constexpr (kSize <= kGranuleBytes) {
    const std::uint64_t bytes = bytes_mask(address % kGranuleBytes, kSize);
    ShadowCell& cell = cell_in(stacks::place_of(address));
    if (is_covered(cell, bytes, kUse, epoch)) return;
    return granule_access(cell, address, epoch | kHow | bytes, pc);
  } else {
    ShadowCell& cell = cell_at(stacks::place_of(address));
    if (is_covered(cell, AccessWord::kBytes, kUse, epoch) &&
        is_covered(cell_at(stacks::place_of(address + kGranuleBytes)), AccessWord::kBytes, kUse, epoch))
      return;
    return two_granules_access(cell, address, kHow, pc);
  }
}

// Of most accesses it is seen here: their state covers the whole granule, and they lie within it.
template <std::size_t kSize, Use kUse>
[[gnu::always_inline]] inline void access(void* at, NextEntry<void(void*)>& next) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  const std::uint64_t* const epoch = hot.epoch;
  if (epoch == nullptr) [[unlikely]]
    return cold_access<kSize, kUse>(at, next);
  constexpr std::uint64_t kHow = kUse == Use::Write ? AccessWord::kWrite : 0;
  if constexpr (kSize <= kGranuleBytes) {
    ShadowCell& cell = cell_in(address);
    const StateId state = state_in(cell);
    const CoveredEntry& entry = entry_of(state);
    if (entry.is_of(state) && entry.covers_all(*epoch, kUse == Use::Write) && address % kSize == 0) [[likely]]
      return;
    constexpr std::uint64_t kAll = kSize == kGranuleBytes ? AccessWord::kBytes : (1U << kSize) - 1;
    const std::uintptr_t first = address % kGranuleBytes;
    if (first + kSize <= kGranuleBytes) [[likely]] {
      const std::uint64_t bytes = kAll << first;
      if (is_covered(cell, state, entry, bytes, kUse, *epoch)) return;
      if (is_elsewhere(state, address)) [[unlikely]]
        return stack_access<kSize, kUse>(address, caller());
      return granule_access(cell, address, *epoch | kHow | bytes, caller());
    }
  } else if (address % kGranuleBytes == 0) {
    ShadowCell& cell = cell_at(address);
    const ShadowCell& next_cell = cell_at(address + kGranuleBytes);
    const StateId state = state_in(cell);
    const CoveredEntry& entry = entry_of(state);
    if (state_in(next_cell) == state && entry.is_of(state) && entry.covers_all(*epoch, kUse == Use::Write)) [[likely]]
      return;
    if (is_covered(cell, state, entry, AccessWord::kBytes, kUse, *epoch) &&
        is_covered(next_cell, AccessWord::kBytes, kUse, *epoch))
      return;
    if (is_elsewhere(state, address)) [[unlikely]]
      return stack_access<kSize, kUse>(address, caller());
    return two_granules_access(cell, address, kHow, caller());
  }
  slow_access(address, kSize, kUse, caller());
}

template <Use kUse>
[[gnu::always_inline]] inline void range(void* at, std::size_t size,
                                         NextEntry<void(void*, std::size_t)>& next) noexcept {
  if (hot.epoch == nullptr) [[unlikely]] {
    if (bridge::is_unseen()) return;
    if (auto* const real = next.if_passed_on()) return real(at, size);
  }
  slow_access(reinterpret_cast<std::uintptr_t>(at), size, kUse,
              reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)));
}

[[gnu::noinline]] void cold_call(void* return_address, std::uintptr_t stack_pointer,
                                 NextEntry<void(void*)>& next) noexcept {
  if (bridge::is_unseen()) return;
  if (auto* const real = next.if_passed_on()) return real(return_address);
  call_begins_slow(reinterpret_cast<std::uintptr_t>(return_address), stack_pointer);
}

[[gnu::noinline]] void cold_return(NextEntry<void()>& next) noexcept {
  if (bridge::is_unseen()) return;
  if (auto* const real = next.if_passed_on()) return real();
}

inline std::uintptr_t stack_pointer_here() noexcept {
  std::uintptr_t at = 0;
  asm("mov %%rsp, %0" : "=r"(at));
  return at;
}

// Where the sanitizer's own are.
constinit NextEntry<void(void*)> next_read1{"__tsan_read1"};
constinit NextEntry<void(void*)> next_read2{"__tsan_read2"};
constinit NextEntry<void(void*)> next_read4{"__tsan_read4"};
constinit NextEntry<void(void*)> next_read8{"__tsan_read8"};
constinit NextEntry<void(void*)> next_read16{"__tsan_read16"};
constinit NextEntry<void(void*)> next_write1{"__tsan_write1"};
constinit NextEntry<void(void*)> next_write2{"__tsan_write2"};
constinit NextEntry<void(void*)> next_write4{"__tsan_write4"};
constinit NextEntry<void(void*)> next_write8{"__tsan_write8"};
constinit NextEntry<void(void*)> next_write16{"__tsan_write16"};
constinit NextEntry<void(void*)> next_unaligned_read2{"__tsan_unaligned_read2"};
constinit NextEntry<void(void*)> next_unaligned_read4{"__tsan_unaligned_read4"};
constinit NextEntry<void(void*)> next_unaligned_read8{"__tsan_unaligned_read8"};
constinit NextEntry<void(void*)> next_unaligned_read16{"__tsan_unaligned_read16"};
constinit NextEntry<void(void*)> next_unaligned_write2{"__tsan_unaligned_write2"};
constinit NextEntry<void(void*)> next_unaligned_write4{"__tsan_unaligned_write4"};
constinit NextEntry<void(void*)> next_unaligned_write8{"__tsan_unaligned_write8"};
constinit NextEntry<void(void*)> next_unaligned_write16{"__tsan_unaligned_write16"};
constinit NextEntry<void(void*)> next_volatile_read1{"__tsan_volatile_read1"};
constinit NextEntry<void(void*)> next_volatile_read2{"__tsan_volatile_read2"};
constinit NextEntry<void(void*)> next_volatile_read4{"__tsan_volatile_read4"};
constinit NextEntry<void(void*)> next_volatile_read8{"__tsan_volatile_read8"};
constinit NextEntry<void(void*)> next_volatile_read16{"__tsan_volatile_read16"};
constinit NextEntry<void(void*)> next_volatile_write1{"__tsan_volatile_write1"};
constinit NextEntry<void(void*)> next_volatile_write2{"__tsan_volatile_write2"};
constinit NextEntry<void(void*)> next_volatile_write4{"__tsan_volatile_write4"};
constinit NextEntry<void(void*)> next_volatile_write8{"__tsan_volatile_write8"};
constinit NextEntry<void(void*)> next_volatile_write16{"__tsan_volatile_write16"};
constinit NextEntry<void(void*)> next_unaligned_volatile_read2{"__tsan_unaligned_volatile_read2"};
constinit NextEntry<void(void*)> next_unaligned_volatile_read4{"__tsan_unaligned_volatile_read4"};
constinit NextEntry<void(void*)> next_unaligned_volatile_read8{"__tsan_unaligned_volatile_read8"};
constinit NextEntry<void(void*)> next_unaligned_volatile_read16{"__tsan_unaligned_volatile_read16"};
constinit NextEntry<void(void*)> next_unaligned_volatile_write2{"__tsan_unaligned_volatile_write2"};
constinit NextEntry<void(void*)> next_unaligned_volatile_write4{"__tsan_unaligned_volatile_write4"};
constinit NextEntry<void(void*)> next_unaligned_volatile_write8{"__tsan_unaligned_volatile_write8"};
constinit NextEntry<void(void*)> next_unaligned_volatile_write16{"__tsan_unaligned_volatile_write16"};
constinit NextEntry<void(void*, std::size_t)> next_read_range{"__tsan_read_range"};
constinit NextEntry<void(void*, std::size_t)> next_write_range{"__tsan_write_range"};
constinit NextEntry<void(void*)> next_func_entry{"__tsan_func_entry"};
constinit NextEntry<void()> next_func_exit{"__tsan_func_exit"};
constinit NextEntry<void()> next_init{"__tsan_init"};

}  // namespace

extern "C" VIGIL_EXPORT void __tsan_read1(void* at) noexcept { access<1, Use::Read>(at, next_read1); }
extern "C" VIGIL_EXPORT void __tsan_read2(void* at) noexcept { access<2, Use::Read>(at, next_read2); }
extern "C" VIGIL_EXPORT void __tsan_read4(void* at) noexcept { access<4, Use::Read>(at, next_read4); }
extern "C" VIGIL_EXPORT void __tsan_read8(void* at) noexcept { access<8, Use::Read>(at, next_read8); }
extern "C" VIGIL_EXPORT void __tsan_read16(void* at) noexcept { access<16, Use::Read>(at, next_read16); }
extern "C" VIGIL_EXPORT void __tsan_write1(void* at) noexcept { access<1, Use::Write>(at, next_write1); }
extern "C" VIGIL_EXPORT void __tsan_write2(void* at) noexcept { access<2, Use::Write>(at, next_write2); }
extern "C" VIGIL_EXPORT void __tsan_write4(void* at) noexcept { access<4, Use::Write>(at, next_write4); }
extern "C" VIGIL_EXPORT void __tsan_write8(void* at) noexcept { access<8, Use::Write>(at, next_write8); }
extern "C" VIGIL_EXPORT void __tsan_write16(void* at) noexcept { access<16, Use::Write>(at, next_write16); }
extern "C" VIGIL_EXPORT void __tsan_unaligned_read2(void* at) noexcept {
  access<2, Use::Read>(at, next_unaligned_read2);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_read4(void* at) noexcept {
  access<4, Use::Read>(at, next_unaligned_read4);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_read8(void* at) noexcept {
  access<8, Use::Read>(at, next_unaligned_read8);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_read16(void* at) noexcept {
  access<16, Use::Read>(at, next_unaligned_read16);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_write2(void* at) noexcept {
  access<2, Use::Write>(at, next_unaligned_write2);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_write4(void* at) noexcept {
  access<4, Use::Write>(at, next_unaligned_write4);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_write8(void* at) noexcept {
  access<8, Use::Write>(at, next_unaligned_write8);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_write16(void* at) noexcept {
  access<16, Use::Write>(at, next_unaligned_write16);
}
extern "C" VIGIL_EXPORT void __tsan_volatile_read1(void* at) noexcept { access<1, Use::Read>(at, next_volatile_read1); }
extern "C" VIGIL_EXPORT void __tsan_volatile_read2(void* at) noexcept { access<2, Use::Read>(at, next_volatile_read2); }
extern "C" VIGIL_EXPORT void __tsan_volatile_read4(void* at) noexcept { access<4, Use::Read>(at, next_volatile_read4); }
extern "C" VIGIL_EXPORT void __tsan_volatile_read8(void* at) noexcept { access<8, Use::Read>(at, next_volatile_read8); }
extern "C" VIGIL_EXPORT void __tsan_volatile_read16(void* at) noexcept {
  access<16, Use::Read>(at, next_volatile_read16);
}
extern "C" VIGIL_EXPORT void __tsan_volatile_write1(void* at) noexcept {
  access<1, Use::Write>(at, next_volatile_write1);
}
extern "C" VIGIL_EXPORT void __tsan_volatile_write2(void* at) noexcept {
  access<2, Use::Write>(at, next_volatile_write2);
}
extern "C" VIGIL_EXPORT void __tsan_volatile_write4(void* at) noexcept {
  access<4, Use::Write>(at, next_volatile_write4);
}
extern "C" VIGIL_EXPORT void __tsan_volatile_write8(void* at) noexcept {
  access<8, Use::Write>(at, next_volatile_write8);
}
extern "C" VIGIL_EXPORT void __tsan_volatile_write16(void* at) noexcept {
  access<16, Use::Write>(at, next_volatile_write16);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_volatile_read2(void* at) noexcept {
  access<2, Use::Read>(at, next_unaligned_volatile_read2);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_volatile_read4(void* at) noexcept {
  access<4, Use::Read>(at, next_unaligned_volatile_read4);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_volatile_read8(void* at) noexcept {
  access<8, Use::Read>(at, next_unaligned_volatile_read8);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_volatile_read16(void* at) noexcept {
  access<16, Use::Read>(at, next_unaligned_volatile_read16);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_volatile_write2(void* at) noexcept {
  access<2, Use::Write>(at, next_unaligned_volatile_write2);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_volatile_write4(void* at) noexcept {
  access<4, Use::Write>(at, next_unaligned_volatile_write4);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_volatile_write8(void* at) noexcept {
  access<8, Use::Write>(at, next_unaligned_volatile_write8);
}
extern "C" VIGIL_EXPORT void __tsan_unaligned_volatile_write16(void* at) noexcept {
  access<16, Use::Write>(at, next_unaligned_volatile_write16);
}

extern "C" VIGIL_EXPORT void __tsan_read_range(void* at, std::size_t size) noexcept {
  range<Use::Read>(at, size, next_read_range);
}
extern "C" VIGIL_EXPORT void __tsan_write_range(void* at, std::size_t size) noexcept {
  range<Use::Write>(at, size, next_write_range);
}

// ---- calls ----------------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT void __tsan_func_entry(void* return_address) noexcept {
  const std::uintptr_t stack_pointer = stack_pointer_here();
  CallFrame* const call = hot.top;
  const auto stack_at = static_cast<std::uint32_t>(stack_pointer / sizeof(std::uintptr_t));
  // The call before this one must lie above it on the stack; else a long jump has gone over it.
  if (call == hot.limit || static_cast<std::int32_t>(call[-1].stack_at - stack_at) <= 0) [[unlikely]]
    return cold_call(return_address, stack_pointer, next_func_entry);
  hot.top = call + 1;  // first: a signal handler's calls go above
  if (stack_pointer < hot.lowest) hot.lowest = stack_pointer;
  *call = {reinterpret_cast<std::uintptr_t>(return_address), stack_at, kNoContext};
}

extern "C" VIGIL_EXPORT void __tsan_func_exit() noexcept {
  CallFrame* const call = hot.top;
  // The outermost is no call; it is left alone when calls began before anybody looked.
  if (call == nullptr || call[-1].return_address == 0) [[unlikely]]
    return cold_return(next_func_exit);
  hot.top = call - 1;
}

// Called by the constructor of every instrumented module.
extern "C" VIGIL_EXPORT void __tsan_init() noexcept {
  if (auto* const real = next_init.if_passed_on()) {
    real();
    bridge::start();
    return bridge::module_arrived();
  }
  instrumented_code_arrived();
}
