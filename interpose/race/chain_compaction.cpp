#include "interpose/race/chain_compaction.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {
namespace {

// One at a time: a chain that all threads come to at once is looked through by one of them.
constinit FutexLock compaction_lock;

constexpr std::uint32_t kLeft = 8;  // newest records, which others may be changing, are left alone
constexpr int kTries = 16;          // to put the result into a granule that others change meanwhile
constexpr std::size_t kFewLater = 64;

// Of each actor the bytes that its accesses seen so far have touched, by their sort.
class Later {
 public:
  explicit Later(std::uint32_t records) noexcept {
    const std::size_t size = std::bit_ceil(std::size_t{2} * records);
    if (size > few_.size()) many_.resize(size);
    all_ = size > few_.size() ? many_.data() : few_.data();
    mask_ = std::max(size, few_.size()) - 1;
  }
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;

  // The bytes of that access, not a free, that no later one of its actor was as strong at. The access is seen.
  [[nodiscard]] std::uint64_t open(AccessWord word) noexcept {
    Actor& actor = of(static_cast<std::uint32_t>(word.at().slot()));
    const auto sort_of = [](bool write, bool atomic) { return (write ? 1U : 0U) + (atomic ? 2U : 0U); };
    unsigned stronger = 0;
    for (const bool write : {false, true}) {
      for (const bool atomic : {false, true}) {
        const AccessWord like((write ? AccessWord::kWrite : 0) | (atomic ? AccessWord::kAtomic : 0));
        if (like.as_strong_as(word)) stronger |= actor.bytes[sort_of(write, atomic)];
      }
    }
    auto& seen = actor.bytes[sort_of(word.is_write(), word.is_atomic())];
    seen = static_cast<std::uint8_t>(seen | word.bytes());
    return word.bytes() & ~std::uint64_t{stronger};
  }

 private:
  struct Actor {
    std::uint32_t slot = 0;  // 0: none
    std::array<std::uint8_t, 4> bytes{};
  };
  Actor& of(std::uint32_t slot) noexcept {
    std::size_t at = slot * std::uint64_t{0x9E3779B97F4A7C15U} >> 32U & mask_;
    while (all_[at].slot != slot && all_[at].slot != 0) at = (at + 1) & mask_;
    all_[at].slot = slot;
    return all_[at];
  }

  std::array<Actor, kFewLater> few_{};
  OwnVector<Actor> many_;
  Actor* all_ = nullptr;
  std::size_t mask_ = 0;
};

AccessWord word_of(const AccessNode& node) noexcept { return AccessWord(node.word.load(std::memory_order_relaxed)); }

StateId push_copy(StateCache& cache, const AccessNode& node, std::uint64_t bytes, StateId older) noexcept {
  return push_record(cache, {word_of(node).with_bytes(bytes), node.place, node.is_raced()}, older);
}

class Compaction {
 public:
  Compaction(StateCache& cache, StateId chain, AccessWord access) noexcept
      : cache_(cache), chain_(chain), access_(access) {}

  StateId run(ShadowCell& cell, const KnowsRef& ordered) noexcept {
    own_ = own_bytes(chain_, kLeft);
    rest_ = chain_;
    for (std::uint32_t i = 0; i < kLeft; ++i) rest_ = node_of(rest_).older;
    Step rest;
    if (!remake_rest(rest, ordered)) return chain_;
    const StateId done = put(cell, rest.to);
    if (done == kUntouched) undo(cache_, rest);
    return done == kUntouched ? chain_ : done;
  }

 private:
  // What this access's own records among the newest few say of its bytes.
  [[nodiscard]] std::uint64_t own_bytes(StateId from, std::uint32_t records) const noexcept {
    std::uint64_t bytes = 0;
    for (StateId id = from; records != 0; id = node_of(id).older, --records) {
      const AccessWord word = word_of(node_of(id));
      if (word.same_epoch(access_) && !word.is_free() && word.as_strong_as(access_)) bytes |= word.bytes();
    }
    return bytes;
  }

  // Everything below the newest few. False: no room.
  bool remake_rest(Step& rest, const KnowsRef& ordered) noexcept {
    struct Left {
      StateId id;
      std::uint32_t bytes;
    };
    const std::uint32_t depth = node_of(rest_).chain.depth;
    Later later(depth);
    OwnVector<Left> all;
    all.reserve(depth);
    std::size_t changed = 0;  // records [0, changed) are made anew
    for (StateId id = rest_; id != kUntouched; id = node_of(id).older) {
      const AccessWord word = word_of(node_of(id));
      std::uint64_t bytes = word.bytes();
      if (!word.is_free()) {
        bytes = later.open(word);
        const bool goes = (bytes & own_) != 0 && access_.as_strong_as(word) && !word.same_epoch(access_);
        if (goes && ordered(word.at())) bytes &= ~own_;
      }
      all.push_back({id, static_cast<std::uint32_t>(bytes)});
      if (bytes != word.bytes()) changed = all.size();
    }
    rest = {changed == 0 ? rest_ : node_of(all[changed - 1].id).older, 0};
    for (std::size_t i = changed; i-- > 0;) {
      if (all[i].bytes == 0) continue;
      const StateId id = push_copy(cache_, node_of(all[i].id), all[i].bytes, rest.to);
      if (id == kUntouched) {
        undo(cache_, rest);
        return false;
      }
      rest = {id, rest.fresh + 1};
    }
    return true;
  }

  // The newest records, on top of the rest. Others may have put more there: as long as they left the rest, and our
  // access, which it may stand for what went, the outcome means what theirs does. kUntouched: they did not.
  StateId put(ShadowCell& cell, StateId rest) noexcept {
    const std::uint32_t rest_depth = node_of(rest_).chain.depth;
    StateId now = chain_;
    for (int i = 0; i < kTries; ++i) {
      if (is_private(now) || now == kUntouched || node_of(now).chain.depth <= rest_depth) return kUntouched;
      OwnVector<StateId> top;
      StateId id = now;
      for (; node_of(id).chain.depth > rest_depth; id = node_of(id).older) top.push_back(id);
      if (id != rest_) return kUntouched;
      if ((own_ & ~own_bytes(now, static_cast<std::uint32_t>(top.size()))) != 0) return kUntouched;
      Step step{rest, 0};
      while (!top.empty()) {
        const AccessNode& node = node_of(top.back());
        const StateId fresh = push_copy(cache_, node, word_of(node).bytes(), step.to);
        if (fresh == kUntouched) break;
        step = {fresh, step.fresh + 1};
        top.pop_back();
      }
      if (!top.empty()) {
        undo(cache_, step);
        return kUntouched;
      }
      set_next_compaction(step.to);
      const StateId expected = now;
      if (cell.compare_exchange_strong(now, step.to, std::memory_order_acq_rel, std::memory_order_acquire)) {
        return expected == chain_ ? step.to : chain_;
      }
      undo(cache_, step);
    }
    if (!is_private(now) && now != kUntouched) put_off_compaction(now);
    return kUntouched;
  }

  StateCache& cache_;
  const StateId chain_;
  const AccessWord access_;
  StateId rest_ = kUntouched;
  std::uint64_t own_ = 0;
};

}  // namespace

StateId compact(StateCache& cache, ShadowCell& cell, StateId chain, AccessWord access, KnowsRef ordered) noexcept {
  if (!compaction_lock.try_lock()) return chain;
  const StateId done = Compaction(cache, chain, access).run(cell, ordered);
  compaction_lock.unlock();
  return done;
}

void compaction_forked() noexcept { compaction_lock.reset_after_fork(); }

}  // namespace vigil::shim::race
