// The race engine's face to those who see memory being used: the instrumentation's entry points, and the wrappers of
// malloc, free and mmap.
//
// Model, byte by byte: each byte has a set of accesses (who, when, from where). A new access races with every kept one
// of another actor that did not happen before it, unless both read or both are atomic. See access_states.hpp for what
// is kept, transition.hpp for the step, engine.hpp for what makes it fast.
//
// Demands of every function here: nothing of ours is locked by the caller. All are safe before the shim is live (they
// then do nothing), in signal handlers, in threads being born or dying, and while the engine is not native.
// pc: the return address of the instrumentation's call, or an address inside the calling function.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim::race {

// ---- accesses -------------------------------------------------------------------------------------------------------
// Any size and alignment.
void on_read(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept;
void on_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept;
// By an atomic operation: never races with another atomic one. A read-modify-write is a write. Call it before the
// operation's acquire and its release change the actor's clock... the access is at the actor's current epoch, so an
// acquiring load calls it after its acquire, a releasing store before its release.
void on_atomic_read(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept;
void on_atomic_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept;

// The same for what the program tells of itself, Traced<T>, in plain builds as well: with the stack that is captured
// here. Demands: engine_watches_variables().
void variable_read(std::uintptr_t address, std::size_t size) noexcept;
void variable_write(std::uintptr_t address, std::size_t size) noexcept;

// What this thread reads and writes until the end counts for nothing: the program says so. They nest. Frees still mark
// what they free.
struct Ignored {
  unsigned reads = 0;
  unsigned writes = 0;
};
extern thread_local constinit Ignored ignored __attribute__((tls_model("initial-exec")));

// ---- life of memory -------------------------------------------------------------------------------------------------
// Fresh memory (an allocation, a mapping, the stack of a new thread or task): whatever was known of it is forgotten,
// and no order is made.
void forget(std::uintptr_t address, std::size_t size) noexcept;
// The same for a variable that the program tells of itself, where nobody tells of the memory it lies in: in plain
// builds only.
void forget_variable(std::uintptr_t address, std::size_t size) noexcept;
// A block goes: a write of all of it, and every later access is a use-after-free until forget().
void freed(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept;

// ---- where the caller is --------------------------------------------------------------------------------------------
// One place of the program with all its callers, as instrumented functions tell them. 0: unknown.
enum class PlaceId : std::uint32_t {};
// The place of pc in the actor that runs here. Cheap when it is known already (tens of ns when new). 0 when the engine
// is not there.
PlaceId place_here(std::uintptr_t pc) noexcept;
StackId stack_of(PlaceId place) noexcept;

// ---- heap blocks ----------------------------------------------------------------------------------------------------
// What the allocator's wrappers know of the block that holds an address, for findings.
struct BlockInfo {
  std::uintptr_t start = 0;
  std::size_t size = 0;
  std::uint64_t number = 0;  // of the block, from 1, never reused
  StackId allocated_at = kNoStack;
  ActorKey allocated_by{};
};
// Set once, by whoever wraps the allocator. Returns whether the address lies in a block, also one that was freed and
// not handed out since. Called while a finding is put together, inside the shim, with nothing locked.
using FindBlock = bool (*)(std::uintptr_t address, BlockInfo& block) noexcept;
void set_block_finder(FindBlock find) noexcept;

}  // namespace vigil::shim::race
