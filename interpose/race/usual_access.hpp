// The most usual things that an access is when it is not covered: the beginning of on_read() and its like (memory.hpp),
// for one granule, from a place that the thread has been at before. None does anything that the general way
// (memory.cpp) would not do; each says false where it is not so simple, and then has done nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/race/context_tree.hpp"
#include "interpose/race/shadow_map.hpp"

namespace vigil::shim::race {

struct EngineThread;

// One access within one granule, as the entry points come to it when it is not covered. word: AccessWord's, of the
// running actor's epoch. cell: the address's. Demands: hot.epoch is not null.
void granule_access(ShadowCell& cell, std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept;
// The same for a plain access of two whole granules; how: AccessWord::kWrite or none.
void two_granules_access(ShadowCell& cell, std::uintptr_t address, std::uint64_t how, std::uintptr_t pc) noexcept;

// Whether what is known of it is one block of a few records (wide_records.hpp), as of just now.
[[nodiscard]] bool is_in_block(std::uintptr_t address) noexcept;
// What on_atomic_write() does, if that is usual and clashes with nothing. False: it is still to be done, by
// on_unusual_atomic_write().
[[nodiscard]] bool enters_usual_atomic_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept;
void on_unusual_atomic_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept;

// The general way: any access. how: AccessWord::kWrite, kAtomic, kFreed, several or none.
void any_access(std::uintptr_t address, std::size_t size, std::uint64_t how, std::uintptr_t pc) noexcept;
// The same of an access within one granule, as granule_access() has it.
void any_access_within(std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept;

// ---- for those who enter memory in their own way; between enter() and leave() ----
// Between the two lie at most so many granules: the collector waits for them.
inline constexpr std::size_t kGranulesAtOnce = 1U << 14U;
// All bytes of it, in that context, which is all that is known of the place.
void enter_stretch(EngineThread& thread, std::uintptr_t address, std::uintptr_t end, std::uint64_t how,
                   ContextId context) noexcept;
// In place of leave() when races were found.
void leave_and_report(EngineThread& thread) noexcept;

// Nothing was known of that granule. What lies on this stack below where any call began (alloca) is to be forgotten
// with the rest when the stack is used anew.
void note_untouched(std::uintptr_t address) noexcept;

}  // namespace vigil::shim::race
