// The step of the model: from the state of a granule and one access to the next state, and the older accesses it
// clashes with. It knows nothing of addresses, caches or threads.
#pragma once

#include <array>
#include <cstdint>

#include "interpose/race/access_states.hpp"
#include "interpose/race/clock_tree.hpp"

namespace vigil::shim::race {

// The older halves of the races (or, where they are frees, of the uses after free) that one access makes.
struct Clashes {
  static constexpr std::uint32_t kMost = 4;  // told at once: more would be more findings of the same defect
  std::array<AccessRecord, kMost> older;
  std::uint32_t told = 0;   // valid entries of older
  std::uint32_t total = 0;  // told and untold
  [[nodiscard]] bool any() const noexcept { return total != 0; }
};

inline constexpr std::uint32_t kMostRaced = 64;  // raced records of a sort (reads or writes) that a state keeps

struct Step {
  StateId to = kUntouched;
  std::uint32_t fresh = 0;  // that many records, from `to` on, are new and only the caller's; 0: nothing changed
};

// ordered(epoch): whether that moment is in the past of who accesses. Not called for the accessor's own epoch.
Step add_access(StateCache& cache, StateId from, const AccessRecord& access, KnowsRef ordered,
                Clashes& clashes) noexcept;
inline constexpr std::uint32_t kDeepFrom = 8;  // a chain of more records is deep
// The usual step of a read, or of an atomic access, to a deep chain: the actor's last one is the newest record, and
// goes, or is not among the newest few. Nothing is fresh: it is not that simple. ordered: as above.
Step put_on_top(StateCache& cache, StateId from, const AccessRecord& access, KnowsRef ordered) noexcept;
// What it clashes with, of other epochs, whether or not it is covered. Nothing is marked.
void note_clash(Clashes& clashes, const AccessRecord& older, AccessWord access, const KnowsRef& ordered) noexcept;
void find_clashes(StateId chain, AccessWord access, KnowsRef ordered, Clashes& clashes) noexcept;
// Without what is known of those bytes. `from` may not be kUntouched.
Step erase_bytes(StateCache& cache, StateId from, std::uint64_t bytes) noexcept;
// Takes back a step that came to nothing.
void undo(StateCache& cache, const Step& step) noexcept;

// Which bytes an access in that epoch need not be added for any more.
struct Covered {
  std::uint64_t reads = 0;   // a plain read of these changes nothing
  std::uint64_t writes = 0;  // a plain write of these changes nothing
};
[[gnu::always_inline]] inline void note_covered(Covered& covered, AccessWord word) noexcept {
  if (word.is_atomic() || word.is_free()) return;
  covered.reads |= word.bytes();
  if (word.is_write()) covered.writes |= word.bytes();
}
Covered covered_at(StateId state, Epoch epoch) noexcept;
// What the newest records say of it, up to the first one of another epoch: less, and sooner.
Covered covered_on_top(StateId state, Epoch epoch) noexcept;

}  // namespace vigil::shim::race
