// WideRecords: the records of a private state (private_states.hpp) that has more than two: of a variable that several
// actors read in ever new epochs, as the loops of a thread pool read what they share.
//
// One block of memory, its lock first, so that who changes it fetches one line for five records. A record stays where
// it is for as long as it is one: the collector, which takes no lock, misses none that was there all the time. A block
// never grows: the granule gets another state with a larger one.
//
// Model: the same set of accesses as a chain of its records, but that accesses which later ones supersede may stay
// until their place is wanted, where they cannot clash with what supersedes them (reads with reads, atomic with
// atomic). Invariant: no record is raced or a free.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "interpose/race/access_states.hpp"
#include "interpose/race/clock_tree.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {

class alignas(PlaceId) WideRecords {
 public:
  static constexpr std::uint32_t kMost = 21;  // records, of the largest block: 256 bytes

  // A block with room for that many at least, at most kMost.
  static WideRecords* make(std::uint32_t room) noexcept;
  static void unmake(WideRecords* records) noexcept;

  WideRecords(const WideRecords&) = delete;
  WideRecords& operator=(const WideRecords&) = delete;

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  std::atomic<std::uint8_t>& lock() noexcept { return lock_; }

  // ---- with the lock held, or before anybody else has seen the block ----
  enum class Result : std::uint8_t {
    Done,   // the access is among the records, or covered by one
    Races,  // nothing was changed
    Full,   // nothing was changed
  };
  Result step(AccessWord access, PlaceId place, const KnowsRef& ordered, Covered& covered) noexcept;
  // Demands room.
  void put(AccessWord word, PlaceId place) noexcept;
  template <class Visit>
  void each(Visit&& visit) const noexcept {
    for (std::uint32_t i = 0; i < capacity_; ++i) {
      if (const AccessWord word = word_at(i); word != AccessWord()) visit(word, places()[i]);
    }
  }

  // ---- by anybody ----
  template <class Visit>
  void each_word(Visit&& visit) const noexcept {
    for (std::uint32_t i = 0; i < capacity_; ++i) visit(word_at(i));
  }

 private:
  using Word = std::atomic<std::uint64_t>;
  // Step, where it is not the usual one: a read, or an atomic access, as this actor made it in an earlier epoch.
  Result any_step(AccessWord access, PlaceId place, const KnowsRef& ordered, Covered& covered) noexcept;
  explicit WideRecords(std::uint32_t capacity) noexcept;

  // Behind this header: the places, then the words, aligned to theirs.
  [[nodiscard]] static constexpr std::size_t words_at(std::uint32_t capacity) noexcept {
    return (sizeof(WideRecords) + capacity * sizeof(PlaceId) + sizeof(Word) - 1) / sizeof(Word) * sizeof(Word);
  }
  [[nodiscard]] static constexpr std::size_t bytes_of(std::uint32_t capacity) noexcept {
    return words_at(capacity) + capacity * sizeof(Word);
  }
  [[nodiscard]] PlaceId* places() noexcept { return reinterpret_cast<PlaceId*>(this + 1); }
  [[nodiscard]] const PlaceId* places() const noexcept { return reinterpret_cast<const PlaceId*>(this + 1); }
  [[nodiscard]] Word* words() noexcept { return const_cast<Word*>(std::as_const(*this).words()); }
  [[nodiscard]] const Word* words() const noexcept {
    return reinterpret_cast<const Word*>(reinterpret_cast<const std::byte*>(this) + words_at(capacity_));
  }
  [[nodiscard]] AccessWord word_at(std::uint32_t index) const noexcept {
    return AccessWord(words()[index].load(std::memory_order_relaxed));
  }

  std::atomic<std::uint8_t> lock_{0};
  const std::uint8_t capacity_;
};
static_assert(sizeof(WideRecords) == 4);

}  // namespace vigil::shim::race
