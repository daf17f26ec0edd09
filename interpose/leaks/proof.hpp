// Proof: which blocked tasks nobody can ever wake.
//
// An actor, task or plain thread, that waits on channels is woken by whoever has a handle of one of them; one that
// waits on a wait group, a condition, a semaphore or a Once, by whoever can refer to it; one that waits for a lock, by
// whoever holds it, as is who joins a thread by that one. Candidates are the actors parked in a primitive, or blocked
// in a lock or a join of pthread's, without a deadline; everything else in the process may act. A candidate is proved
// dead when nothing outside the stacks of dead candidates refers to any channel that it waits on, into its stack, or
// into what a std::thread keeps for it in the heap: the least fix-point over
//   - roots: all memory of the program, freed or not, but for the stacks of candidates and of tasks that are over;
//   - a word that points into a channel's record, its low three and high sixteen bits aside, makes every candidate live
//     that waits there; one that points into a candidate's frames or closure makes that one live; whoever is live is a
//     root;
//   - an object that is no channel has no bounds that are known, for whoever refers to the structure around it can
//   reach
//     it. But one that lies in a candidate's frames is reached only through them: whoever waits for it lives when that
//     candidate does. One that lies in a block of std::make_shared() (shared_blocks.hpp) that a candidate owns lives
//     when the block does. One that lies anywhere else may be reached;
//   - such a block is no root: a word that points into it makes it live, and then it is one.
//   - whoever waits for a lock lives when its holder does; of more holders than one nothing is known. A lock that was
//     ever given back by another than its taker says nothing. One of vigil's that its own holder waits for is given
//     back, if at all, by whoever can reach it, as any other object.
// A word counts wherever it begins: plain pointers may lie in packed structures and in bytes of messages. Because that
// takes longer, it is looked for in words that are aligned first, and everywhere (any_byte.hpp) only when somebody
// seems dead.
//
// And the channel must have been found as often as it counts handles: one that is hidden (encoded, in another process)
// is missed by every search, but not by the count; in the same way a block's owners are counted. Without anything to
// wait on (nil, an empty select) nobody is needed.
//
// What would make the answer wrong is asked first, and then nothing is proved: a thread whose registers are not in
// memory, because it runs and cannot be halted, or sleeps in a call that has no wrapper; memory that cannot be read, or
// too much of it; pointers that only the kernel has, where it does not show them. Stale words only cost proofs. What is
// proved stays so, for what nobody can reach nobody can reach later: it makes no difference whether the program ends
// here or goes on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "interpose/actor.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/leaks/blocked_threads.hpp"
#include "interpose/leaks/memory_search.hpp"
#include "interpose/leaks/parked_stack.hpp"
#include "interpose/leaks/shared_blocks.hpp"
#include "interpose/own_mappings.hpp"
#include "interpose/own_memory.hpp"
#include "vigil/probe.h"

namespace vigil::shim::leaks {

class Proof {
 public:
  // self: who ends the program on this thread, whose registers are known to be on its stack; null: a helper looks.
  explicit Proof(const Actor* self, std::size_t most_bytes = MemorySearch::kMost) noexcept
      : self_(self), most_bytes_(most_bytes) {}
  enum class Answer : std::uint8_t {
    Known,    // see is_dead()
    Moves,    // somebody is not still: nothing is known now, maybe at another moment
    Unknown,  // nor is it then: there is too much memory, or some cannot be read
  };
  // Looks at every actor and at memory, once. Between pause() and resume().
  Answer run() noexcept;
  [[nodiscard]] bool is_dead(ActorKey actor) const noexcept { return dead_.contains(actor); }
  [[nodiscard]] bool is_dead(const vigil_probe_actor_view& view) const noexcept {
    return view.actor->watch != nullptr && is_dead(key_of(*static_cast<const Actor*>(view.actor->watch)));
  }
  [[nodiscard]] bool are_dead(std::span<const ActorKey> actors) const noexcept {
    return std::ranges::all_of(actors, [&](ActorKey one) { return is_dead(one); });
  }
  [[nodiscard]] std::size_t dead() const noexcept { return dead_.size(); }
  // Whether one of those, which are dead, refers to a block of std::make_shared(). Still paused.
  [[nodiscard]] bool lean_on_shared(std::span<const ActorKey> actors) noexcept;
  // Of a candidate that is not dead: what was found first that may wake it, in words for the log.
  [[nodiscard]] Line why_alive(ActorKey actor) const noexcept;

 private:
  // What made somebody live: a word in memory, or nothing that lies anywhere.
  struct Found {
    std::uintptr_t at = 0;  // 0: no word
    std::uintptr_t word = 0;
  };
  struct Channel {
    AddressRange record;
    std::uint64_t handles = 0;
    bool reached = false;
    OwnVector<std::uint32_t> waiters{};  // indices into candidates_
  };
  struct Candidate {
    ActorKey key{};          // ActorKey{}: born before the shim looked
    AddressRange frames;     // and its closure
    AddressRange stack;      // all of it that is in use
    std::uintptr_t low = 0;  // of what else of its stack may matter while it lives
    AddressRange notes;      // what knows its frames, and is nobody else's
    AddressRange closure;    // a thread's, in the heap
    bool is_task = false;
    OwnVector<std::uintptr_t> channels{};  // addresses
    enum class Hope : std::uint8_t { Channels, Object, Lock } hope = Hope::Channels;
    std::uintptr_t object = 0;                  // Object: its address; it may be a lock that it holds itself
    ActorKey holder{};                          // Lock: whose it is, if known
    OwnVector<std::uint32_t> those_who_hope{};  // live when this one does: they wait for what it holds, or has
    bool live = false;
    Found found{};  // when it is
  };
  struct Block {
    OwnVector<std::uint32_t> those_who_hope{};  // candidates that wait for what lies in it
    bool live = false;
  };

  [[nodiscard]] bool collect() noexcept;
  void add_candidate(const vigil_probe_actor_view& view, const ParkedStack& stack) noexcept;
  void add_candidate(const BlockedThread& thread) noexcept;
  void leave_out_thread(const ParkedStack& stack) noexcept;
  void find_blocks() noexcept;
  void link_candidates() noexcept;
  [[nodiscard]] Candidate* candidate_at(std::uintptr_t address) noexcept;
  [[nodiscard]] Candidate* candidate_with_closure_at(std::uintptr_t address) noexcept;
  // stack_pointers: of the threads that are halted.
  [[nodiscard]] bool search_roots(std::span<const std::uintptr_t> stack_pointers) noexcept;
  [[nodiscard]] bool spread() noexcept;
  [[nodiscard]] bool count_handles() noexcept;
  [[nodiscard]] bool search(std::span<const std::uintptr_t> stack_pointers) noexcept;
  // Again, before anybody is called dead.
  [[nodiscard]] bool search_everywhere(std::span<const std::uintptr_t> stack_pointers) noexcept;
  // All that is its alone, from there on.
  template <class Visit>
  [[nodiscard]] static bool read_own(const Candidate& candidate, std::uintptr_t low, Visit& visit) noexcept;
  void see(std::span<const std::uintptr_t> words, std::uintptr_t at) noexcept;
  // The same, and everywhere_ of the words at all bytes. Pieces of memory that follow each other come one after the
  // other.
  void see_all(std::span<const std::uintptr_t> words, std::uintptr_t at) noexcept;
  void reach(Channel& channel, Found by) noexcept;
  void revive(Candidate& candidate, Found by) noexcept;
  void revive_block(std::size_t index, Found by) noexcept;
  [[nodiscard]] Channel* channel_at(std::uintptr_t address) noexcept;

  const Actor* const self_;
  const std::size_t most_bytes_;
  OwnVector<Channel> channels_;        // by address
  OwnVector<Candidate> candidates_;    // by address of the frames
  OwnVector<std::uint32_t> closures_;  // those that have one, by its address
  OwnVector<BlockedThread> blocked_;   // of the candidates
  OwnVector<AddressRange> roots_;      // stacks of tasks that are none
  OwnVector<AddressRange> running_;    // of those, of the tasks that run, but for self_'s
  OwnVector<AddressRange> not_roots_;  // the runtime's: all tasks' stacks, and notes of its own
  AddressRange all_channels_;
  AddressRange all_frames_;
  AddressRange all_closures_;
  AddressRange all_blocks_;
  SharedBlocks shared_;
  OwnVector<Block> blocks_;           // of shared_, in its order
  OwnVector<std::uint32_t> revived_;  // not yet searched
  OwnVector<std::uint32_t> revived_blocks_;
  bool everywhere_ = false;       // words count at whatever byte they begin
  AddressRange all_;              // then: around all of these
  std::uintptr_t piece_end_ = 0;  // then: of what was seen last, and the word there
  std::uintptr_t last_word_ = 0;
  OwnSet<ActorKey> dead_;
};

}  // namespace vigil::shim::leaks
