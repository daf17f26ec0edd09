#include "interpose/race/transition.hpp"

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>
#include <type_traits>

#include "interpose/own_memory.hpp"

namespace vigil::shim::race {
namespace {

constexpr std::uint32_t kTop = kDeepFrom;  // of deeper chains, a read looks at the newest few and at the writes

struct Visited {
  AccessRecord record;  // as it is to stay; without bytes: it goes
  StateId rest;         // the chain below it
  bool changed = false;
};
static_assert(std::is_trivially_destructible_v<Visited>);

// The records of a chain, newest first, while the step is worked out. On the stack for usual chains.
class Walk {
  static constexpr std::uint32_t kUsual = 32;

 public:
  Walk(StateId from, std::uint32_t depth) noexcept { look(from, depth); }
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  void look(StateId from, std::uint32_t depth) noexcept {
    if (depth > kUsual) many_.resize(depth);
    Visited* const all = depth > kUsual ? many_.data() : reinterpret_cast<Visited*>(few_.data());
    std::uint32_t count = 0;
    for (StateId id = from; id != kUntouched && count < depth; ++count) {
      const AccessNode& node = node_of(id);
      ::new (all + count) Visited{
          {AccessWord(node.word.load(std::memory_order_relaxed)), node.place, node.is_raced()}, node.older, false};
      id = node.older;
    }
    visited_ = {all, count};
  }
  [[nodiscard]] std::span<Visited> all() noexcept { return visited_; }

 private:
  alignas(Visited) std::array<std::byte, sizeof(Visited) * kUsual> few_;  // not cleared: often used
  OwnVector<Visited> many_;
  std::span<Visited> visited_;
};

void set_bytes(Visited& at, std::uint64_t bytes) noexcept {
  if (bytes == at.record.word.bytes()) return;
  at.record.word = at.record.word.with_bytes(bytes);
  at.changed = true;
}

void note(Clashes& clashes, const AccessRecord& older) noexcept {
  if (clashes.told < Clashes::kMost) clashes.older[clashes.told++] = older;
  ++clashes.total;
}

// Which bytes the accessor has not accessed as strongly in this epoch.
std::uint64_t not_covered(std::span<const Visited> walk, AccessWord access) noexcept {
  std::uint64_t open = access.bytes();
  for (const Visited& at : walk) {
    const AccessWord word = at.record.word;
    if (word.same_epoch(access) && word.is_free() == access.is_free() && word.as_strong_as(access)) {
      open &= ~word.bytes();
    }
  }
  return open;
}

// Of raced records of that sort only the newest stay.
void bound_raced(std::span<Visited> walk, const AccessWord& like) noexcept {
  std::uint32_t seen = 1;  // the new one
  for (Visited& at : walk) {
    if (!at.record.raced || at.record.word.bytes() == 0 || at.record.word.is_write() != like.is_write()) continue;
    if (at.record.word.is_free()) continue;
    if (++seen > kMostRaced) set_bytes(at, 0);
  }
}

// The chain that the walk has become. top: one more record, or one without bytes.
Step rebuild(StateCache& cache, StateId from, std::span<Visited> walk, const AccessRecord& top) noexcept {
  std::size_t changed = walk.size();  // records [0, changed) are made anew
  while (changed != 0 && !walk[changed - 1].changed) --changed;
  Step step{changed == 0 ? from : walk[changed - 1].rest, 0};
  bool room = true;
  const auto push = [&](const AccessRecord& record) {
    if (!room || record.word.bytes() == 0) return;
    const StateId id = push_record(cache, record, step.to);
    room = id != kUntouched;
    if (!room) return;
    step.to = id;
    ++step.fresh;
  };
  for (std::size_t i = changed; i-- > 0;) push(walk[i].record);
  push(top);
  if (room) return step;
  undo(cache, step);
  return {from, 0};
}

// Whether a read or an atomic access, of those bytes, clashes with the chain: of that only the writes count, or for an
// atomic access the plain ones.
bool clashes_in(StateId chain, AccessWord access, std::uint64_t open, const KnowsRef& ordered) noexcept {
  const bool is_atomic = access.is_atomic();
  const auto next = [is_atomic](const AccessNode& node) { return is_atomic ? node.last_plain : node.chain.last_write; };
  for (StateId id = next(node_of(chain)); id != kUntouched;) {
    const AccessNode& node = node_of(id);
    const AccessWord word(node.word.load(std::memory_order_relaxed));
    if ((word.bytes() & open) != 0 && word.clashes_with(access) &&
        (word.is_free() || (!word.same_epoch(access) && !ordered(word.at())))) {
      return true;
    }
    id = node.older == kUntouched ? kUntouched : next(node_of(node.older));
  }
  return false;
}

}  // namespace

Step put_on_top(StateCache& cache, StateId from, const AccessRecord& access, KnowsRef ordered) noexcept {
  StateId below = from;
  StateId id = from;
  for (std::uint32_t i = 0; i < kTop; ++i) {
    const AccessNode& node = node_of(id);
    const AccessWord word(node.word.load(std::memory_order_relaxed));
    id = node.older;
    if (word.at().slot() != access.word.at().slot()) continue;
    if (i != 0 || word.same_epoch(access.word) || word.is_free() || node.is_raced()) return {from, 0};
    if (!access.word.as_strong_as(word) || (word.bytes() & ~access.word.bytes()) != 0) return {from, 0};
    below = id;
  }
  if (clashes_in(from, access.word, access.word.bytes(), ordered)) return {from, 0};
  const StateId to = push_record(cache, access, below);
  return to == kUntouched ? Step{from, 0} : Step{to, 1};
}

Step add_access(StateCache& cache, StateId from, const AccessRecord& access, KnowsRef ordered,
                Clashes& clashes) noexcept {
  if (from == kUntouched) {
    const StateId id = push_record(cache, access, kUntouched);
    return {id, id == kUntouched ? 0U : 1U};
  }
  const std::uint32_t depth = node_of(from).chain.depth;
  // Plain writes supersede all that they follow, so chains that they come to stay short. Reads do not clash with reads,
  // and atomic accesses do not with each other: they may leave what they supersede to chain_compaction.hpp, and their
  // own record of the same epoch as well.
  bool looks_at_all = (access.word.is_write() && !access.word.is_atomic()) || depth <= kTop;
  if (!looks_at_all) {
    if (const Step step = put_on_top(cache, from, access, ordered); step.fresh != 0) return step;
  }
  Walk walk(from, looks_at_all ? depth : kTop);

  std::uint64_t open = not_covered(walk.all(), access.word);
  if (open == 0) return {from, 0};

  // A clash marks what it clashes with: then look at all.
  if (!looks_at_all && clashes_in(from, access.word, open, ordered)) {
    looks_at_all = true;
    walk.look(from, depth);
    open = not_covered(walk.all(), access.word);
    if (open == 0) return {from, 0};
  }

  AccessRecord added{access.word.with_bytes(open), access.place, false};
  for (Visited& at : walk.all()) {
    AccessWord& word = at.record.word;
    if (word.same_epoch(access.word) && !word.is_free()) {
      if (word.sort() == access.word.sort() && at.record.place == access.place) {
        added.word = added.word.with_bytes(added.word.bytes() | word.bytes());
        added.raced |= at.record.raced;
        set_bytes(at, 0);
      } else if (access.word.as_strong_as(word)) {
        set_bytes(at, word.bytes() & ~open);
      }
      continue;
    }
    if ((word.bytes() & open) == 0) continue;
    // Nothing clashes, and what it supersedes of others may stay: nobody need be asked for.
    if (!looks_at_all && word.at().slot() != access.word.at().slot()) continue;
    const bool before = word.same_epoch(access.word) || ordered(word.at());
    if (word.clashes_with(access.word) && (!before || word.is_free())) {
      note(clashes, at.record);
      at.changed |= !at.record.raced;
      at.record.raced = true;
      added.raced = true;
    }
    if (before && access.word.as_strong_as(word)) set_bytes(at, word.bytes() & ~open);
  }
  if (added.raced) bound_raced(walk.all(), added.word);
  return rebuild(cache, from, walk.all(), added);
}

void note_clash(Clashes& clashes, const AccessRecord& older, AccessWord access, const KnowsRef& ordered) noexcept {
  if (older.word.same_epoch(access) || (older.word.bytes() & access.bytes()) == 0) return;
  if (older.word.clashes_with(access) && !ordered(older.word.at())) note(clashes, older);
}

void find_clashes(StateId chain, AccessWord access, KnowsRef ordered, Clashes& clashes) noexcept {
  for (StateId id = chain; id != kUntouched; id = node_of(id).older) {
    const AccessNode& node = node_of(id);
    const AccessWord word(node.word.load(std::memory_order_relaxed));
    note_clash(clashes, {word, node.place, node.is_raced()}, access, ordered);
  }
}

Step erase_bytes(StateCache& cache, StateId from, std::uint64_t bytes) noexcept {
  Walk walk(from, node_of(from).chain.depth);
  for (Visited& at : walk.all()) set_bytes(at, at.record.word.bytes() & ~bytes);
  return rebuild(cache, from, walk.all(), AccessRecord{});
}

void undo(StateCache& cache, const Step& step) noexcept {
  StateId id = step.to;
  for (std::uint32_t i = 0; i < step.fresh; ++i) {
    const StateId rest = node_of(id).older;
    cache.give(id);
    id = rest;
  }
}

Covered covered_at(StateId state, Epoch epoch) noexcept {
  Covered covered;
  unsigned looks = kTop;
  for (StateId id = state; id != kUntouched && looks != 0; id = node_of(id).older, --looks) {
    const AccessWord word(node_of(id).word.load(std::memory_order_relaxed));
    if (word.at() == epoch) note_covered(covered, word);
  }
  return covered;
}

Covered covered_on_top(StateId state, Epoch epoch) noexcept {
  Covered covered;
  for (StateId id = state; id != kUntouched; id = node_of(id).older) {
    const AccessWord word(node_of(id).word.load(std::memory_order_relaxed));
    if (word.at() != epoch) break;
    note_covered(covered, word);
  }
  return covered;
}

}  // namespace vigil::shim::race
