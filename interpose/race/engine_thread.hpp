// What the race engine keeps per thread and per actor, and the few words that every instrumented access looks at.
//
// Invariants
//   E1  hot.epoch is null, or points to the epoch of the actor that this thread runs; then hot.top and its neighbours
//   are
//       that actor's call stack. In a plain program it is null but while a variable's access is entered: so whatever
//       else comes to the engine there asks enter_slow(), which asks for the mode.
//   E2  A thread looks into states, or holds the number of one that it did not just make, only between enter() and
//       leave() (CoveredEntry aside, which the collector clears): that is what collect.cpp waits for.
//   E3  Between enter() and leave() inside_shim is set, so a signal handler's accesses are skipped, and counted.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "interpose/actor.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/race/access_states.hpp"
#include "interpose/race/collect.hpp"
#include "interpose/race/context_tree.hpp"
#include "interpose/race/lock_sets.hpp"
#include "interpose/race/race_report.hpp"
#include "interpose/race/transition.hpp"
#include "interpose/race/wide_records.hpp"

namespace vigil::shim::race {

// One call of an instrumented function that has not returned.
struct CallFrame {
  std::uintptr_t return_address;
  std::uint32_t stack_at;  // the stack pointer at its beginning, in words of 8 bytes, the lower 32 bits
  ContextId context;       // of this call; kNoContext until somebody asks
};
static_assert(sizeof(CallFrame) == 16);

// "In this state, in this epoch, a plain access to these bytes changes nothing." The collector may make `state`
// kNobody.
struct CoveredEntry {
  static constexpr StateId kNobody{~std::uint32_t{0}};
  // What is added to the epoch: so that of most states one comparison tells, whichever bytes are accessed.
  static constexpr std::uint64_t kAll = 0;    // of every byte
  static constexpr std::uint64_t kReads = 1;  // of every byte, as for reads
  static constexpr std::uint64_t kSome = 2;

  std::uint64_t epoch = kSome;
  std::atomic<StateId> state{kUntouched};
  std::uint8_t open_to_reads = 0xff;  // the bytes of which this does not hold; at most those that are open to writes
  std::uint8_t open_to_writes = 0xff;

  [[nodiscard]] bool is_of(StateId other) const noexcept { return state.load(std::memory_order_relaxed) == other; }
  // Demands of both: is_of() the state at hand.
  [[nodiscard]] bool covers_all(std::uint64_t epoch_now, bool is_write) const noexcept {
    return (epoch ^ epoch_now) <= (is_write ? kAll : kReads);
  }
  [[nodiscard]] bool covers(std::uint64_t epoch_now, bool is_write, std::uint64_t bytes) const noexcept {
    return (epoch ^ epoch_now) <= kSome && ((is_write ? open_to_writes : open_to_reads) & bytes) == 0;
  }
};
static_assert(CoveredEntry::kSome < std::uint64_t{1} << kSpareBits);
static_assert(sizeof(CoveredEntry) == 16);

// A thread's covered entries, one for each state of those that share it. Few at first, for there may be thousands of
// threads; more for those who often came to what was covered, and had to find that out anew.
class CoveredTable {
 public:
  static constexpr std::uint32_t kFew = 512;
  static constexpr std::uint32_t kMany = 4096;

  static CoveredTable* make(std::uint32_t entries) noexcept;
  static void unmake(CoveredTable* table) noexcept;
  CoveredTable(const CoveredTable&) = delete;
  CoveredTable& operator=(const CoveredTable&) = delete;

  [[nodiscard, gnu::always_inline]] CoveredEntry& entry(StateId state) noexcept {
    return entries_[static_cast<std::uint32_t>(state) & last_];
  }
  // Nobody's are they all, from now on. By the collector.
  void clear() noexcept {
    for (std::uint32_t i = 0; i <= last_; ++i)
      entries_[i].state.store(CoveredEntry::kNobody, std::memory_order_relaxed);
  }

 private:
  explicit CoveredTable(std::uint32_t entries) noexcept : last_(entries - 1) {}
  [[nodiscard]] static constexpr std::size_t bytes_of(std::uint32_t entries) noexcept {
    return sizeof(CoveredTable) + (entries - 1) * sizeof(CoveredEntry);
  }

  const std::uint32_t last_;                               // entries - 1
  alignas(sizeof(CoveredEntry)) CoveredEntry entries_[1];  // as many; none lies on two lines
};

// What every access and every call looks at. In the thread's own storage, 48 bytes.
struct Hot {
  const std::uint64_t* epoch = nullptr;
  CoveredTable* covered = nullptr;
  CallFrame* top = nullptr;    // where the next call goes
  CallFrame* limit = nullptr;  // end of the frames; equal to top when there are none yet
  std::uintptr_t lowest = 0;   // the lowest stack pointer of any call of this actor
  struct EngineThread* thread = nullptr;
};
extern thread_local constinit Hot hot __attribute__((tls_model("initial-exec")));

// An actor's own part: made when it first calls an instrumented function or touches memory. Not movable.
struct ActorPart {
  CallFrame* frames = nullptr;  // frames[0] is no call: the actor's outermost
  CallFrame* top = nullptr;     // while it does not run
  CallFrame* limit = nullptr;
  std::uintptr_t lowest = 0;  // while it does not run
  ClockSlot named{0};         // the slot under which slot_owners.hpp knows the actor

  static constexpr std::size_t kFewFrames = 8;
  CallFrame few_frames[kFewFrames];  // the first frames; more lie in a block of their own, which doubles as needed
  ActorPart() noexcept {}            // NOLINT(modernize-use-equals-default): which would clear few_frames
};

// An access from one state that led to another, in one epoch: so that the next granule in the same state need not be
// worked out.
struct Move {
  std::uint64_t word = 0;  // AccessWord
  std::uintptr_t pc = 0;
  StateId from = kUntouched;
  StateId to = kUntouched;
  ContextId context{};
  std::uint16_t held = 0;             // how many locks
  std::uint8_t open_to_reads = 0xff;  // of `to`, as CoveredEntry has it
  std::uint8_t open_to_writes = 0xff;

  [[nodiscard]] bool is_for(StateId now, std::uint64_t access, std::uintptr_t at, ContextId inside,
                            std::uint16_t locks) const noexcept {
    return word == access && from == now && pc == at && context == inside && held == locks;
  }
};
static_assert(sizeof(Move) == 32);

// What one thread remembers of the last answers: tables of few entries, looked up by hash, at first, for there may be
// thousands of threads that do little, and of many once those were filled several times over. Large programs come to
// thousands of places, one for each way to each line: who looks up so many, and is one of the first such threads, gets
// room for them.
class Memos {
 public:
  struct Sizes {  // entries, powers of two
    std::uint32_t moves;
    std::uint32_t places;
    std::uint32_t contexts;
  };
  static constexpr std::array<Sizes, 3> kSizes = {Sizes{32, 32, 32}, Sizes{256, 256, 256}, Sizes{256, 8192, 4096}};

  struct KnownContext {
    std::uintptr_t return_address = 0;
    ContextId caller{};
    ContextId context{};
  };
  // The place looked up last for a pc. Two lie in a line of memory, whole.
  class alignas(16) KnownPlace {
   public:
    KnownPlace() noexcept = default;
    // Sets of locks with large numbers are not remembered: few programs have so many.
    KnownPlace(std::uintptr_t pc, ContextId context, LockSetId held, PlaceId place) noexcept
        : key_(key_of(pc, held)), context_(is_small(held) ? context : ContextId{}), place_(place) {}

    [[nodiscard]] bool is_for(std::uintptr_t pc, ContextId context, LockSetId held) const noexcept {
      return key_ == key_of(pc, held) && context_ == context && is_small(held);
    }
    // With some locks or none.
    [[nodiscard]] bool is_for(std::uintptr_t pc, ContextId context) const noexcept {
      return key_ >> kHeldBits == pc && context_ == context;
    }
    [[nodiscard]] PlaceId place() const noexcept { return place_; }

   private:
    static constexpr unsigned kHeldBits = 16;  // addresses of the program have 47
    static bool is_small(LockSetId held) noexcept { return static_cast<std::uint32_t>(held) >> kHeldBits == 0; }
    static std::uint64_t key_of(std::uintptr_t pc, LockSetId held) noexcept {
      return pc << kHeldBits | static_cast<std::uint32_t>(held);
    }

    std::uint64_t key_ = 0;
    ContextId context_{};
    PlaceId place_{};
  };
  static_assert(sizeof(KnownPlace) == 16);

  Memos() noexcept { make(0); }
  ~Memos() { unmake(); }
  Memos(const Memos&) = delete;
  Memos& operator=(const Memos&) = delete;

  [[nodiscard]] Move& move_for(StateId from, std::uint64_t word, std::uintptr_t pc, ContextId context) const noexcept {
    // Places differ in the low bits of pc, moves of one place in the state they come from, or in the context.
    const std::uint64_t hash =
        static_cast<std::uint64_t>(from) * 5 ^ pc ^ word >> 8U ^ static_cast<std::uint64_t>(context) * 9;
    return moves_[hash & move_mask_];
  }
  // Of places and contexts two entries lie side by side, either of which may be the one; if neither is, the one that is
  // to be replaced. Which of the two is left to chance, so that three that are asked for in turn do not all lose.
  [[nodiscard]] KnownPlace& place_for(std::uintptr_t pc, ContextId context) const noexcept {
    // Contexts and places are numbered one after the other: only a product spreads both.
    const std::uint64_t hash = (pc ^ static_cast<std::uint64_t>(context) << 32U) * 0x9E3779B97F4A7C15U;
    KnownPlace* const two = places_ + (hash >> 40U & place_mask_ & ~std::uint64_t{1});
    if (two[0].is_for(pc, context)) return two[0];
    if (two[1].is_for(pc, context)) return two[1];
    return two[filled_ & 1U];
  }
  [[nodiscard]] KnownContext& context_for(std::uintptr_t return_address, ContextId caller) const noexcept {
    const std::uint64_t hash = (return_address ^ static_cast<std::uint64_t>(caller) << 32U) * 0x9E3779B97F4A7C15U;
    KnownContext* const two = contexts_ + (hash >> 40U & context_mask_ & ~std::uint64_t{1});
    if (two[0].return_address == return_address && two[0].caller == caller) return two[0];
    if (two[1].return_address == return_address && two[1].caller == caller) return two[1];
    return two[filled_ & 1U];
  }
  // One more answer was worked out and put into a table.
  void note_filled() noexcept { ++filled_; }
  void note_place_filled() noexcept {
    ++filled_;
    ++places_filled_;
  }
  [[nodiscard]] bool wants_more() const noexcept {
    return level_ == 0 ? filled_ >= 8 * kSizes[0].moves : level_ == 1 && places_filled_ >= 16 * kSizes[1].places;
  }
  void drop_moves() noexcept { std::fill_n(moves_, move_mask_ + 1, Move{}); }
  // Larger tables, empty ones, if there may be one more thread with such. Nobody may hold a reference to an entry.
  void grow() noexcept;

 private:
  void make(std::uint32_t level) noexcept;
  void unmake() noexcept;

  Move* moves_ = nullptr;  // all tables in one block
  KnownPlace* places_ = nullptr;
  KnownContext* contexts_ = nullptr;
  std::uint32_t move_mask_ = 0;
  std::uint32_t place_mask_ = 0;
  std::uint32_t context_mask_ = 0;
  std::uint32_t level_ = 0;  // of kSizes
  std::uint32_t filled_ = 0;
  std::uint32_t places_filled_ = 0;
};

struct EngineThread {
  static constexpr std::size_t kOrdered = 16;
  using KnownPlace = Memos::KnownPlace;

  EngineThread() noexcept : covered(CoveredTable::make(CoveredTable::kFew)) {}
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // Written by the thread itself, the second before the first: the collector, who clears both, asks for the first
  // first.
  std::atomic<CoveredTable*> covered;
  // The first one, when there is a larger: a signal's handler may have made it while the thread looked into this one.
  std::atomic<CoveredTable*> covered_before{nullptr};
  std::uint32_t covered_missed = 0;
  Memos memos;
  // Epochs found to be in the past of an actor, where they stay: one that is known is never that of another moment.
  struct KnownOrder {
    ActorKey self{};
    ClockSlot other{};
    ClockTime until = 0;
  };
  std::array<KnownOrder, kOrdered> ordered{};
  KnownOrder& order_with(ClockSlot other) noexcept { return ordered[static_cast<std::uint32_t>(other) % kOrdered]; }
  // The last plain write that reached the end of a granule with a private state; its word says all eight bytes.
  struct LastWrite {
    std::uint64_t word = 0;
    std::uintptr_t pc = 0;
    ContextId context{};
    friend bool operator==(const LastWrite&, const LastWrite&) noexcept = default;
  };
  LastWrite last_write;
  // Records that this thread renewed without a lock: the actors that take turns on it have each one in a state.
  struct LoneRenewal {
    StateId state = CoveredEntry::kNobody;
    ContextId context{};
    std::uintptr_t pc = 0;
    LockSetId held{};
    PlaceId place{};  // that of these three
    WideRecords::OwnRecord own;

    [[nodiscard]] bool is_of(StateId one, AccessWord access) const noexcept {
      return state == one && own.word().at().slot() == access.at().slot();
    }
    [[nodiscard]] bool is_for(std::uintptr_t at, ContextId inside, LockSetId locks) const noexcept {
      return pc == at && context == inside && held == locks;
    }
  };
  static constexpr std::uint32_t kLoneRenewals = 32;
  std::array<LoneRenewal, kLoneRenewals> lone_renewals{};
  // Two entries lie side by side, either of which may be the one. access: of the actor whose record it is.
  [[nodiscard, gnu::always_inline]] LoneRenewal* known_lone_renewal(StateId state, AccessWord access) noexcept {
    LoneRenewal* const two = two_lone_renewals(state, access);
    if (two[0].is_of(state, access)) return two;
    return two[1].is_of(state, access) ? two + 1 : nullptr;
  }
  // The one for that state. If neither is, the one that was made before the other.
  [[nodiscard]] LoneRenewal& lone_renewal(StateId state, AccessWord access) noexcept {
    if (LoneRenewal* const known = known_lone_renewal(state, access)) return *known;
    LoneRenewal* const two = two_lone_renewals(state, access);
    std::swap(two[0], two[1]);
    return two[0];
  }
  [[nodiscard]] LoneRenewal* two_lone_renewals(StateId state, AccessWord access) noexcept {
    const std::uint32_t both = static_cast<std::uint32_t>(state) + static_cast<std::uint32_t>(access.at().slot());
    return &lone_renewals[both * 2 % kLoneRenewals];
  }
  // The locks held when their set was asked for last, if they were few, and their set.
  struct KnownSet {
    std::array<locks::LockId, 3> locks{};
    std::size_t count = 0;
    LockSetId set{};
  };
  KnownSet known_set;

  // An access was covered, and the table of covered entries did not say so.
  void note_covered_missed() noexcept {
    if (++covered_missed == kManyMissed) flushed = collector_round() - 1;
  }
  static constexpr std::uint32_t kManyMissed = 1024;
  // When there was much of it, the next enter() makes the tables larger.
  void note_filled() noexcept {
    memos.note_filled();
    if (memos.wants_more()) flushed = collector_round() - 1;
  }
  void note_place_filled() noexcept {
    memos.note_place_filled();
    if (memos.wants_more()) flushed = collector_round() - 1;
  }
  [[nodiscard, gnu::always_inline]] CoveredEntry& covered_entry(StateId state) const noexcept {
    return covered.load(std::memory_order_relaxed)->entry(state);
  }
  [[gnu::always_inline]] void remember_covered(std::uint64_t epoch, StateId state, std::uint8_t open_to_reads,
                                               std::uint8_t open_to_writes) noexcept {
    CoveredEntry& entry = covered_entry(state);
    entry.epoch = epoch + (open_to_reads != 0 ? 1U : 0U) + (open_to_writes != 0 ? 1U : 0U);
    entry.state.store(state, std::memory_order_relaxed);
    entry.open_to_reads = open_to_reads;
    entry.open_to_writes = open_to_writes;
  }

  StateCache states;
  FoundRaces found;        // by the access being entered
  bool in_doubt = false;   // its own record may stand in the state already, compared with nothing (renew_alone())
  Actor* actor = nullptr;  // whose part hot shows; null: none
  ActorKey actor_key{};    // its key_of()
  ActorPart* part = nullptr;
  bool runs_collector = false;
  std::uint32_t flushed = 0;  // the collector's round for which the moves were dropped
  // Odd between enter() and leave(), and grows with both. The owner's store and its next loads are ordered by the
  // collector's membarrier().
  std::atomic<std::uint32_t> visits{0};
  [[nodiscard]] bool is_inside() const noexcept { return (visits.load(std::memory_order_relaxed) & 1U) != 0; }
  void begin_visit() noexcept {
    visits.store(visits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // for the rest: membarrier() in collect.cpp
  }
  // release: pairs with the acquire in collect.cpp: what was done inside is done.
  void end_visit() noexcept { visits.store(visits.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  EngineThread* next = nullptr;  // guarded by the registry's lock (engine_thread.cpp)
  EngineThread* previous = nullptr;
};

// The engine's view of this thread, ready to work; null: nothing to be done now (not native, not live, in a signal
// handler inside the shim, or the thread has ended).
EngineThread* enter_slow() noexcept;
// The same for an access to a variable that the program tells of itself, whether or not it is instrumented.
EngineThread* enter_for_variable() noexcept;
void leave_variable(EngineThread& thread) noexcept;
void drop_moves(EngineThread& thread) noexcept;
// What the collector's round, or a table that has become too small, makes void goes. Inside a visit: the collector
// either is seen here, or sees us and waits.
[[gnu::always_inline]] inline void flush_if_due(EngineThread& thread) noexcept {
  if (thread.flushed != collector_round()) [[unlikely]]
    drop_moves(thread);
}
inline EngineThread* enter() noexcept {
  EngineThread* const thread = hot.thread;
  if (thread == nullptr || hot.epoch == nullptr || inside_shim) [[unlikely]]
    return enter_slow();
  inside_shim = true;
  thread->begin_visit();
  flush_if_due(*thread);
  return thread;
}
inline void leave(EngineThread& thread) noexcept {
  thread.end_visit();
  collect_if_due();
  inside_shim = false;
}

// The context of the innermost call of the running actor. Between enter() and leave().
ContextId context_here_slow(EngineThread& thread) noexcept;
inline ContextId context_here(EngineThread& thread) noexcept {
  if (hot.top == nullptr) return kRootContext;
  const ContextId known = hot.top[-1].context;
  return known != kNoContext ? known : context_here_slow(thread);
}

// ---- told by the shim (inside it) -----------------------------------------------------------------------------------
// This thread runs another actor from now on.
void actor_switched() noexcept;
// A task is made whose closure ends there, in the uppermost page of its stack.
void task_made(std::uintptr_t stack_end) noexcept;
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
