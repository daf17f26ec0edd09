// What the race engine keeps per thread and per actor, and the few words that every instrumented access looks at.
//
// Invariants
//   E1  hot.epoch is null, or points to the epoch of the actor that this thread runs; then hot.top and its neighbours
//   are
//       that actor's call stack.
//   E2  A thread looks into states, or holds the number of one that it did not just make, only between enter() and
//       leave() (CoveredEntry aside, which the collector clears): that is what collect.cpp waits for.
//   E3  Between enter() and leave() inside_shim is set, so a signal handler's accesses are skipped, and counted.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/race/access_states.hpp"
#include "interpose/race/context_tree.hpp"
#include "interpose/race/lock_sets.hpp"
#include "interpose/race/race_report.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {

// One call of an instrumented function that has not returned.
struct CallFrame {
  std::uintptr_t return_address;
  std::uint32_t stack_at;  // the stack pointer at its beginning, in words of 8 bytes, the lower 32 bits
  ContextId context;       // of this call; kNoContext until somebody asks
};
static_assert(sizeof(CallFrame) == 16);

// "In this state, in this epoch, a plain access to these bytes changes nothing." The collector may clear `state`.
struct CoveredEntry {
  std::uint64_t epoch = 0;
  std::atomic<std::uint64_t> state{0};  // number << 32 | bytes a write of which is covered << 8 | the same of a read

  static constexpr unsigned kReads = 0;
  static constexpr unsigned kWrites = 8;

  [[nodiscard]] bool covers(std::uint64_t epoch_now, StateId of, bool is_write, std::uint64_t bytes) const noexcept {
    // One comparison: the number must be the same, and the bytes asked for must be set.
    const std::uint64_t asked = bytes << (is_write ? kWrites : kReads);
    const std::uint64_t wanted = static_cast<std::uint64_t>(of) << 32U | asked;
    const std::uint64_t differs = (state.load(std::memory_order_relaxed) ^ wanted) & (~std::uint64_t{0} << 32U | asked);
    return (differs | (epoch ^ epoch_now)) == 0;
  }
};
inline constexpr std::size_t kCoveredEntries = 512;

// What every access and every call looks at. In the thread's own storage, 48 bytes.
struct Hot {
  const std::uint64_t* epoch = nullptr;
  CoveredEntry* covered = nullptr;
  CallFrame* top = nullptr;    // where the next call goes
  CallFrame* limit = nullptr;  // end of the frames; equal to top when there are none yet
  std::uintptr_t lowest = 0;   // the lowest stack pointer of any call of this actor
  struct EngineThread* thread = nullptr;
};
extern thread_local constinit Hot hot __attribute__((tls_model("initial-exec")));

// An actor's own part: made when it first calls an instrumented function or touches memory.
struct ActorPart {
  CallFrame* frames = nullptr;  // frames[0] is no call: the actor's outermost
  CallFrame* top = nullptr;     // while it does not run
  CallFrame* limit = nullptr;
  std::uintptr_t lowest = 0;  // while it does not run
  ClockSlot named{0};         // the slot under which slot_owners.hpp knows the actor
};

// An access from one state that led to another, in one epoch: so that the next granule in the same state need not be
// worked out.
struct Move {
  std::uint64_t word = 0;  // AccessWord
  std::uintptr_t pc = 0;
  StateId from = kUntouched;
  StateId to = kUntouched;
  ContextId context{};
  std::uint16_t held = 0;     // how many locks
  std::uint16_t covered = 0;  // of `to`, as CoveredEntry::state has it
};
static_assert(sizeof(Move) == 32);

struct EngineThread {
  static constexpr std::size_t kMoves = 256;
  static constexpr std::size_t kContexts = 128;
  static constexpr std::size_t kOrdered = 16;

  std::array<CoveredEntry, kCoveredEntries> covered{};
  std::array<Move, kMoves> moves{};
  struct KnownContext {
    std::uintptr_t return_address = 0;
    ContextId caller{};
    ContextId context{};
  };
  std::array<KnownContext, kContexts> contexts{};
  // Epochs found to be in the past of an actor: they stay there, but slots change hands, so for one of its epochs.
  struct KnownOrder {
    std::uint64_t self = 0;  // epoch
    ClockSlot other{};
    ClockTime until = 0;
  };
  std::array<KnownOrder, kOrdered> ordered{};
  StateCache states;
  FoundRaces found;        // by the access being entered
  Actor* actor = nullptr;  // whose part hot shows; null: none
  ActorPart* part = nullptr;
  bool runs_collector = false;
  std::uint32_t flushed = 0;  // the collector's round for which the moves were dropped
  // 1 between enter() and leave(). The owner's store and its next loads are ordered by the collector's membarrier().
  std::atomic<std::uint32_t> inside{0};
  std::atomic<std::uint32_t> visits{0};  // grows with every enter()
  EngineThread* next = nullptr;          // guarded by the registry's lock (engine_thread.cpp)
  EngineThread* previous = nullptr;
};

// The engine's view of this thread, ready to work; null: nothing to be done now (not native, not live, in a signal
// handler inside the shim, or the thread has ended).
EngineThread* enter() noexcept;
void leave(EngineThread& thread) noexcept;

// The context of the innermost call of the running actor. Between enter() and leave().
ContextId context_here(EngineThread& thread) noexcept;

// ---- told by the shim (inside it) -----------------------------------------------------------------------------------
// This thread runs another actor from now on.
void actor_switched() noexcept;
// That actor ends, on this thread; its stack, which ends below stack_end, may be used anew. 0: it has none of its own.
void actor_ended(Actor& actor, std::uintptr_t stack_end) noexcept;
void thread_ended(Actor& thread) noexcept;
// In the child of a fork: this thread is the only one; or the engine is to be absent from here on.
void engine_forked() noexcept;
void engine_absent() noexcept;

// ---- for the collector ----------------------------------------------------------------------------------------------
void each_engine_thread(void (*visit)(EngineThread& thread, void* context), void* context) noexcept;

// ---- slow halves of the entry points of calls (tsan_abi.cpp) --------------------------------------------------------
void call_begins_slow(std::uintptr_t return_address, std::uintptr_t stack_pointer) noexcept;

}  // namespace vigil::shim::race
