// Proof: which blocked tasks nobody can ever wake.
//
// A task that waits on channels is woken by whoever has a handle of one of them. Candidates are the tasks parked in
// sends, receives and selects without a deadline; everything else in the process may act. A candidate is proved dead
// when nothing outside the stacks of dead candidates refers to any channel that it waits on, or into its stack: the
// least fix-point over
//   - roots: all memory of the program, freed or not, but for the stacks of candidates and of tasks that are over;
//   - a word that points into a channel's record, its low three and high sixteen bits aside, makes every candidate live
//   that
//     waits there; one that points into a candidate's frames or closure makes that one live; whoever is live is a root.
// And the channel must have been found as often as it counts handles: one that is hidden (encoded, in another process)
// is missed by every search, but not by the count. Without channels to wait on (nil, an empty select) nobody is needed.
//
// What would make the answer wrong is asked first, and then nothing is proved: a thread whose registers are not in
// memory, because it runs or sleeps in a call that has no wrapper; a task that runs; memory that cannot be read, or too
// much of it. Stale words only cost proofs.
#pragma once

#include <cstdint>

#include "interpose/own_mappings.hpp"
#include "interpose/own_memory.hpp"
#include "vigil/probe.h"

namespace vigil::shim::leaks {

class Proof {
 public:
  // Looks at every actor and at memory, once. Between pause() and resume(), at the end of the program, on the thread
  // that ends it.
  void run() noexcept;
  [[nodiscard]] bool is_dead(const vigil_probe_actor_view& view) const noexcept { return dead_.contains(view.actor); }
  [[nodiscard]] std::size_t dead() const noexcept { return dead_.size(); }

 private:
  struct Channel {
    AddressRange record;
    std::uint64_t handles = 0;
    bool reached = false;
    OwnVector<std::uint32_t> waiters{};  // indices into candidates_
  };
  struct Candidate {
    const vigil_probe_actor* actor = nullptr;
    AddressRange frames;                   // and its closure
    AddressRange stack;                    // all of it that is in use
    OwnVector<std::uintptr_t> channels{};  // addresses
    bool live = false;
  };

  [[nodiscard]] bool collect() noexcept;
  void add_candidate(const vigil_probe_actor_view& view) noexcept;
  [[nodiscard]] bool search_roots() noexcept;
  [[nodiscard]] bool spread() noexcept;
  [[nodiscard]] bool count_handles() noexcept;
  void see(std::uintptr_t word) noexcept;
  void reach(Channel& channel) noexcept;
  void revive(Candidate& candidate) noexcept;
  [[nodiscard]] Channel* channel_at(std::uintptr_t address) noexcept;

  OwnVector<Channel> channels_;        // by address
  OwnVector<Candidate> candidates_;    // by address of the frames
  OwnVector<AddressRange> roots_;      // stacks of tasks that are none
  OwnVector<AddressRange> not_roots_;  // the runtime's: all tasks' stacks, and notes of its own
  AddressRange all_channels_;
  AddressRange all_frames_;
  OwnVector<std::uint32_t> revived_;  // not yet searched
  OwnSet<const vigil_probe_actor*> dead_;
};

}  // namespace vigil::shim::leaks
