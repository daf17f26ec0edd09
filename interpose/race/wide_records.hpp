// WideRecords: the records of a private state (private_states.hpp) that has more than two: of a variable that several
// actors read in ever new epochs, as the loops of a thread pool read what they share.
//
// One block of memory, its lock first, so that who changes it fetches one line for five records. A record stays where
// it is for as long as it is one: the collector, which takes no lock, misses none that was there all the time. A block
// never grows: the granule gets another state with a larger one.
//
// Where readers take turns at renewing their records, the line goes from processor to processor each time. Such a block
// becomes a spread one: each record has a line of its own, and its owner renews it without the lock, by the protocol
// at renew_alone(). That is 512 bytes or more, so there is a most of such blocks.
//
// Model: the same set of accesses as a chain of its records, but that accesses which later ones supersede may stay
// until their place is wanted, where they cannot clash with what supersedes them (reads with reads, atomic with
// atomic). Invariants:
//   W1  No record is raced or a free.
//   W2  Of a spread block: who holds the lock and changes another's record, adds one, or gives the granule another
//       state, changes the version before the lock is open again. A line whose `seen` is the version belongs to a
//       record whose actor knows every access here that a renewal of it would clash with.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "interpose/race/access_states.hpp"
#include "interpose/race/clock_tree.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {

class alignas(PlaceId) WideRecords {
 public:
  static constexpr std::uint32_t kMost = 21;  // records, of the largest block: 256 bytes, or 1536

  // A block with room for that many at least, at most kMost. spread: if there may be one more such.
  static WideRecords* make(std::uint32_t room, bool spread) noexcept;
  static void unmake(WideRecords* records) noexcept;
  // A number of turns that what is read now and then does not come to.
  static constexpr std::uint8_t kUsualTurns = 200;
  static void spread_after(std::uint8_t turns) noexcept;  // for tests

  WideRecords(const WideRecords&) = delete;
  WideRecords& operator=(const WideRecords&) = delete;

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool is_spread() const noexcept { return is_spread_; }
  // Whether its readers take turns so often that it had better be spread.
  [[nodiscard]] bool is_crowded() const noexcept {
    return !is_spread_ && turns_ >= crowded_after_.load(std::memory_order_relaxed) &&
           spread_blocks_.load(std::memory_order_relaxed) < kMostSpread;
  }
  std::atomic<std::uint8_t>& lock() noexcept { return lock_; }

  // ---- with the lock held, or before anybody else has seen the block ----
  enum class Result : std::uint8_t {
    Done,   // the access is among the records, or covered by one
    Races,  // nothing was changed
    Full,   // nothing was changed: there is no room, or it is crowded
  };
  Result step(AccessWord access, PlaceId place, const KnowsRef& ordered, Covered& covered) noexcept;
  // The usual step of a plain access to a block that is not spread: no record of its epoch covers any of it, and there
  // is room. ordered may deny what is so. False: it is not so simple, and nothing was changed.
  template <class Knows>
  [[nodiscard]] bool put_over(AccessWord access, PlaceId place, const Knows& ordered, Covered& covered) noexcept;
  // Demands room.
  void put(AccessWord word, PlaceId place) noexcept;
  // The granule may have got another state.
  void change_version() noexcept {
    if (is_spread_) version().store(version().load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  template <class Visit>
  void each(Visit&& visit) const noexcept {
    for (std::uint32_t i = 0; i < capacity_; ++i) {
      if (is_spread_) {
        const Line::Record record = lines()[i].record();
        if (record.word != 0) visit(AccessWord(record.word), Line::place_in(record));
      } else if (const AccessWord record = word_at(i); record != AccessWord()) {
        visit(record, place_at(i));
      }
    }
  }

  // ---- by anybody ----
  template <class Visit>
  void each_word(Visit&& visit) const noexcept {
    const Words words(*this);
    for (std::uint32_t i = 0; i < capacity_; ++i) visit(words[i]);
  }
  // Without the lock: a read, or an atomic access, as its actor, who calls, made it here in an earlier epoch.
  enum class Renewal : std::uint8_t {
    Done,
    NotUsual,   // nothing was changed, and what is to be done needs the lock
    TakenBack,  // the same; but whoever has given the granule another state meanwhile may have taken the new epoch
                // along
  };
  //
  // The new epoch is written first, and then it is asked whether the lock is open and the version the one for which
  // this record was found to clash with nothing. Both the writing and the taking of the lock are full barriers: either
  // whoever takes the lock sees the new epoch, or this sees the lock taken, or the version it left. Where the place is
  // another than before, both change at once: who has the lock may look at either.
  class OwnRecord;
  Renewal renew_alone(AccessWord access, PlaceId place, OwnRecord& found) noexcept;
  // The same of a record found before. Demands that the state still has its number.
  [[gnu::always_inline]] static Renewal renew_again(OwnRecord& own, AccessWord access, PlaceId place) noexcept;

 private:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::uint64_t kTime = std::uint64_t{kLastTime} << kSpareBits;
  static constexpr std::uint64_t kSlot = ~std::uint64_t{0} << (kTimeBits + kSpareBits);
  static constexpr std::uint32_t kMostSpread = 4096;  // blocks: 2 to 6 MiB
  static constinit std::atomic<std::uint32_t> spread_blocks_;
  static constinit std::atomic<std::uint8_t> crowded_after_;  // relaxed: a number, no more
  struct alignas(64) Line {
    Word word{0};
    std::atomic<PlaceId> place{};
    std::atomic<std::uint32_t> seen{0};  // a version; written with the lock held

    // The three, as they stand at one moment.
    struct alignas(16) Record {
      std::uint64_t word;
      std::uint64_t place_and_seen;
    };
    static constexpr unsigned kSeenShift = 32;
    static PlaceId place_in(const Record& record) noexcept {
      return static_cast<PlaceId>(static_cast<std::uint32_t>(record.place_and_seen));
    }
    // Puts `to` there if `from` is there. A full barrier. Else from becomes what is there.
    bool exchange(Record& from, const Record& to) noexcept {
      bool done = false;
      asm volatile("lock cmpxchg16b %[at]"
                   : [at] "+m"(*reinterpret_cast<Record*>(this)), "=@ccz"(done), "+a"(from.word),
                     "+d"(from.place_and_seen)
                   : "b"(to.word), "c"(to.place_and_seen)
                   : "memory");
      return done;
    }
    [[nodiscard]] Record record() noexcept {
      Record found{0, 0};
      exchange(found, found);
      return found;
    }
  };
  static constexpr std::uint32_t kNone = kMost;

  explicit WideRecords(std::uint32_t capacity, bool spread) noexcept;
  static bool may_spread() noexcept;
  class Words;
  // What the records are to an access, a bit for each.
  struct Sorted {
    std::uint32_t empty = 0;    // no record
    std::uint32_t same = 0;     // of its epoch
    std::uint32_t own = 0;      // of its actor
    std::uint32_t touched = 0;  // of some of its bytes
  };
  [[nodiscard]] Sorted sort_for(const Words& words, AccessWord access) const noexcept;
  // Step, where it is not the usual one: a read, or an atomic access, as this actor made it in an earlier epoch.
  Result any_step(AccessWord access, PlaceId place, const KnowsRef& ordered, Covered& covered) noexcept;
  // What a plain access leaves of the records of a block that is not spread, a bit for each. A read does not ask for
  // those of others that read.
  struct Superseded {
    std::uint32_t whole = 0;    // nothing of these
    std::uint32_t in_part = 0;  // of these the other bytes
    std::uint64_t merged = 0;   // bytes of the same access, which become one record with it
    std::uint32_t own = 0;      // how many are its actor's
    bool is_usual = false;
  };
  template <bool kIsWrite, class Knows>
  [[nodiscard, gnu::always_inline]] Superseded superseded_by(AccessWord access, PlaceId place, const Knows& ordered,
                                                             Covered& covered) const noexcept;
  // The record there was renewed, of a block that is not spread.
  void count_turn(std::uint32_t index) noexcept {
    if (index != (renewed_last_ & ~kPutSince) && turns_ != 0xff) ++turns_;
    renewed_last_ = static_cast<std::uint8_t>(index);
  }
  // Of a block that is not spread: something else was put there.
  void note_put() noexcept { renewed_last_ |= kPutSince; }
  static constexpr std::uint8_t kPutSince = 0x80;
  // has_reads: other actors' plain reads are here.
  void renew(std::uint32_t index, AccessWord access, bool has_reads) noexcept;
  void put_at(std::uint32_t index, AccessWord word, PlaceId place) noexcept;

  // Behind this header, of a spread block the version and the owners' slots, of another one the places; then, aligned,
  // the lines or the words.
  [[nodiscard]] static constexpr std::size_t places_from(std::uint32_t capacity, bool spread) noexcept {
    return sizeof(WideRecords) + (spread ? (1 + capacity) * sizeof(std::uint32_t) : 0);
  }
  [[nodiscard]] static constexpr std::size_t words_from(std::uint32_t capacity, bool spread) noexcept {
    const std::size_t alignment = spread ? sizeof(Line) : sizeof(Word);
    return (places_from(capacity, spread) + (spread ? 0 : capacity * sizeof(PlaceId)) + alignment - 1) / alignment *
           alignment;
  }
  [[nodiscard]] static constexpr std::size_t bytes_of(std::uint32_t capacity, bool spread) noexcept {
    return words_from(capacity, spread) + capacity * (spread ? sizeof(Line) : sizeof(Word));
  }
  template <class T>
  [[nodiscard]] T* at_byte(std::size_t offset) const noexcept {
    return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(const_cast<WideRecords*>(this)) + offset);
  }
  [[nodiscard]] std::atomic<std::uint32_t>& version() const noexcept {
    return *at_byte<std::atomic<std::uint32_t>>(sizeof(WideRecords));
  }
  [[nodiscard]] std::atomic<ClockSlot>* owners() const noexcept {
    return at_byte<std::atomic<ClockSlot>>(sizeof(WideRecords) + sizeof(std::uint32_t));
  }
  [[nodiscard]] std::atomic<PlaceId>& place(std::uint32_t index) const noexcept {
    return is_spread_ ? lines()[index].place : at_byte<std::atomic<PlaceId>>(places_from(capacity_, false))[index];
  }
  [[nodiscard]] Line* lines() const noexcept { return at_byte<Line>(words_from(capacity_, true)); }
  [[nodiscard]] Word& word(std::uint32_t index) const noexcept {
    return is_spread_ ? lines()[index].word : at_byte<Word>(words_from(capacity_, false))[index];
  }
  [[nodiscard]] AccessWord word_at(std::uint32_t index) const noexcept {
    return AccessWord(word(index).load(std::memory_order_relaxed));
  }
  // All the words, for who asks for several: where they are is worked out once.
  class Words {
   public:
    explicit Words(const WideRecords& records) noexcept
        : first_(reinterpret_cast<const std::byte*>(&records.word(0))),
          shift_(records.is_spread_ ? std::countr_zero(sizeof(Line)) : std::countr_zero(sizeof(Word))) {}
    AccessWord operator[](std::uint32_t index) const noexcept {
      const auto* const word = reinterpret_cast<const Word*>(first_ + (std::size_t{index} << shift_));
      return AccessWord(word->load(std::memory_order_relaxed));
    }

   private:
    const std::byte* first_;
    int shift_;
  };
  // relaxed: changed with the lock held; without it only a record's owner asks, and then for the version.
  [[nodiscard]] PlaceId place_at(std::uint32_t index) const noexcept {
    return place(index).load(std::memory_order_relaxed);
  }

  std::atomic<std::uint8_t> lock_{0};
  const std::uint8_t capacity_ : 7;
  const std::uint8_t is_spread_ : 1;
  std::uint8_t renewed_last_ = kPutSince;  // index; these two of a block that is not spread, with the lock held
  std::uint8_t turns_ = 0;                 // how often a record was renewed by another than the one before
};
static_assert(sizeof(WideRecords) == 4);

// What renew_alone() wrote last, and where. Nobody's at first.
class WideRecords::OwnRecord {
 public:
  [[nodiscard]] AccessWord word() const noexcept { return AccessWord(word_); }

 private:
  friend class WideRecords;
  WideRecords* records_ = nullptr;
  Line* line_ = nullptr;
  std::uint64_t word_ = 0;  // as written: whatever else stands there by now is not this record
};

template <bool kIsWrite, class Knows>
[[gnu::always_inline]] inline WideRecords::Superseded WideRecords::superseded_by(AccessWord access, PlaceId place,
                                                                                 const Knows& ordered,
                                                                                 Covered& covered) const noexcept {
  const Word* const words = at_byte<Word>(words_from(capacity_, false));
  const std::uint32_t count = capacity_;
  Superseded found;
  for (std::uint32_t i = 0; i < count; ++i) {
    const AccessWord record(words[i].load(std::memory_order_relaxed));
    const std::uint64_t differs = record.bits() ^ access.bits();
    const bool touches = (record.bits() & access.bytes()) != 0;
    if ((differs & kSlot) != 0) {  // another's, or none
      if (!touches || (!kIsWrite && !record.is_write())) continue;
      if (!ordered(record.at())) return {};
    } else {
      ++found.own;
      if ((differs & AccessWord::kEpoch) == 0) {
        if (touches && record.as_strong_as(access)) return {};  // it covers some
        note_covered(covered, record);
        if (record.sort() == access.sort() && place_at(i) == place) {
          found.whole |= 1U << i;
          found.merged |= record.bytes();
          continue;
        }
      }
    }
    if (!touches || (!kIsWrite && record.is_write())) continue;
    ((record.bytes() & ~access.bytes()) == 0 ? found.whole : found.in_part) |= 1U << i;
  }
  found.is_usual = true;
  return found;
}

template <class Knows>
[[gnu::always_inline]] inline bool WideRecords::put_over(AccessWord access, PlaceId place, const Knows& ordered,
                                                         Covered& covered) noexcept {
  Word* const words = at_byte<Word>(words_from(capacity_, false));
  std::atomic<PlaceId>* const places = at_byte<std::atomic<PlaceId>>(places_from(capacity_, false));
  const bool is_write = access.is_write();
  // Nothing was put since this access was renewed, in an earlier epoch: it was compared with all there is.
  if (const std::uint32_t last = renewed_last_; last < capacity_) {
    const std::uint64_t differs = words[last].load(std::memory_order_relaxed) ^ access.bits();
    if ((differs & ~kTime) == 0 && differs != 0 && places[last].load(std::memory_order_relaxed) == place) {
      words[last].store(access.bits(), std::memory_order_relaxed);
      note_covered(covered, access);
      return true;
    }
  }
  const Superseded found = is_write ? superseded_by<true>(access, place, ordered, covered)
                                    : superseded_by<false>(access, place, ordered, covered);
  if (!found.is_usual) return false;
  std::uint32_t at = 0;
  if (found.whole == 0) {
    while (at < capacity_ && words[at].load(std::memory_order_relaxed) != 0) ++at;
    if (at == capacity_) return false;
    note_put();
  } else {
    at = static_cast<std::uint32_t>(std::countr_zero(found.whole));
    // The only record of a reader, of the same place, is renewed, which is counted: that may be done without the lock.
    if (!is_write && found.own == 1 && places[at].load(std::memory_order_relaxed) == place) {
      if (is_crowded()) return false;
      count_turn(at);
    } else {
      note_put();
    }
    for (std::uint32_t gone = found.whole & (found.whole - 1); gone != 0; gone &= gone - 1)
      words[std::countr_zero(gone)].store(0, std::memory_order_relaxed);
  }
  for (std::uint32_t rest = found.in_part; rest != 0; rest &= rest - 1) {
    Word& record = words[std::countr_zero(rest)];
    record.store(record.load(std::memory_order_relaxed) & ~access.bytes(), std::memory_order_relaxed);
  }
  places[at].store(place, std::memory_order_relaxed);
  words[at].store(access.bits() | found.merged, std::memory_order_relaxed);
  note_covered(covered, access);
  return true;
}

[[gnu::always_inline]] inline WideRecords::Renewal WideRecords::renew_again(OwnRecord& own, AccessWord access,
                                                                            PlaceId place) noexcept {
  const std::uint64_t before = own.word_;
  if (((before ^ access.bits()) & ~kTime) != 0) return Renewal::NotUsual;
  Line& line = *own.line_;
  // Only this actor writes them while the record is its own, which the exchange finds out.
  const PlaceId place_before = line.place.load(std::memory_order_relaxed);
  const std::uint32_t seen = line.seen.load(std::memory_order_relaxed);
  const bool stays = place == place_before;
  if (!stays && before == access.bits()) return Renewal::NotUsual;  // in one epoch the first place stands
  const auto exchange = [&](std::uint64_t from, PlaceId from_place, std::uint64_t to, PlaceId to_place) noexcept {
    // seq_cst, with the lock's: see the declaration.
    if (stays) return line.word.compare_exchange_strong(from, to, std::memory_order_seq_cst);
    const auto with_seen = [&](PlaceId of) noexcept {
      return static_cast<std::uint64_t>(seen) << Line::kSeenShift | static_cast<std::uint32_t>(of);
    };
    Line::Record expected{from, with_seen(from_place)};
    return line.exchange(expected, {to, with_seen(to_place)});
  };
  if (!exchange(before, place_before, access.bits(), place)) return Renewal::NotUsual;
  // acquire: pairs with the release that opened the lock; its version is seen.
  const bool is_open = own.records_->lock_.load(std::memory_order_acquire) == 0;
  if (is_open && own.records_->version().load(std::memory_order_relaxed) == seen) [[likely]] {
    own.word_ = access.bits();
    return Renewal::Done;
  }
  // It may clash with something after all, and would not be looked at again if it stood here. Whoever has the lock may
  // have put something else in its place.
  exchange(access.bits(), place, before, place_before);
  return Renewal::TakenBack;
}

}  // namespace vigil::shim::race
