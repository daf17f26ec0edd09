#include "interpose/race/race_report.hpp"

#include <bit>
#include <cerrno>
#include <utility>

#include "interpose/code/unseen_order.hpp"
#include "interpose/finding.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/library_waits.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/loading.hpp"
#include "interpose/options.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/access_size.hpp"
#include "interpose/race/context_tree.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/race/known_variables.hpp"
#include "interpose/race/library_caches.hpp"
#include "interpose/race/lock_sets.hpp"
#include "interpose/race/own_thread_local.hpp"
#include "interpose/race/race_finding.hpp"
#include "interpose/race/stack_variable.hpp"
#include "interpose/threads.hpp"
#include "interpose/variables.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::race {
namespace {

constinit std::atomic<FindBlock> find_block{nullptr};
constinit std::atomic<RaceListener> listening{nullptr};

// The objects of one finding, each lock once.
struct Objects {
  OwnVector<ObjectInfo> all;

  std::int32_t index_of(const ObjectInfo& lock) noexcept {
    for (std::size_t i = 1; i < all.size(); ++i) {
      if (all[i].type == lock.type && all[i].id == lock.id) return static_cast<std::int32_t>(i);
    }
    all.push_back(lock);
    return static_cast<std::int32_t>(all.size() - 1);
  }
  OwnVector<std::int32_t> held(PlaceId place) noexcept {
    OwnVector<std::int32_t> indices;
    for (const ObjectInfo& lock : locks_of(held_at(place))) indices.push_back(index_of(lock));
    return indices;
  }
};

// What was accessed, and the words for it.
struct Subject {
  ObjectInfo object;
  Phrase words;
  std::size_t bytes_told = 0;  // of each access that the program told of itself; 0: it tells of none here
};

Subject subject_of(const KnownVariable& variable, std::uintptr_t address) noexcept {
  return {.object = {.type = ObjectType::Variable,
                     .id = variable.number,
                     .capacity = static_cast<std::int64_t>(variable.size),
                     .address = address,
                     .created_at = variable.made_at},
          .words = Phrase() << "a variable",
          .bytes_told = variable.size};
}

// bytes: of the newer access.
Subject subject_at(std::uintptr_t address, std::size_t bytes) noexcept {
  KnownVariable variable;
  if (find_variable(address, variable)) return subject_of(variable, address);
  BlockInfo block;
  const FindBlock find = find_block.load(std::memory_order_acquire);
  if (find != nullptr && find(address, block)) {
    return {.object = {.type = ObjectType::HeapBlock,
                       .id = block.number,
                       .capacity = static_cast<std::int64_t>(block.size),
                       .address = block.start,
                       .created_at = block.allocated_at},
            .words = Phrase() << "a heap block"};
  }
  const StackVariable found = stack_variable_at(address);
  Subject subject{.object = {.type = ObjectType::Variable,
                             .id = 0,
                             .capacity = static_cast<std::int64_t>(bytes),
                             .address = address,
                             .local = found.local,
                             .thread_local_at = found.thread_local_at},
                  .words = Phrase() << "a variable"};
  ActorInfo owner;
  owner.type = found.owner_type;
  owner.id = found.owner;
  if (found.kind == StackVariable::Kind::OnStack) subject.words << " on the stack of " << words_for(owner).view();
  if (found.kind == StackVariable::Kind::ThreadLocal)
    subject.words << " (thread_local, of " << words_for(owner).view() << ")";
  return subject;
}

// The access's own size where it is known: a record's bytes may be those of several. told: Subject::bytes_told.
std::size_t bytes_of(const AccessRecord& record, std::size_t told) noexcept {
  const std::uintptr_t return_address = return_address_at(record.place);
  const std::size_t known = return_address == 0 ? told : size_of_access_at(return_address);
  return known != 0 ? known : record.word.span_bytes();
}

RaceSide side_of(const AccessRecord& record, const ActorInfo& actor, std::span<const std::int32_t> held,
                 std::size_t told) noexcept {
  return {.actor = actor,
          .is_write = record.word.is_write(),
          .is_atomic = record.word.is_atomic(),
          .is_free = record.word.is_free(),
          .bytes = bytes_of(record, told),
          .stack = stack_of(record.place),
          .held = held};
}

std::uintptr_t address_of(const FoundRaces::Pair& pair) noexcept {
  const std::uint64_t common = pair.newer.word.bytes() & pair.older.word.bytes();
  return pair.granule / kGranuleBytes * kGranuleBytes +
         AccessWord(common != 0 ? common : pair.newer.word.bytes()).first_byte();
}

void tell_pair(const FoundRaces::Pair& pair, const ActorInfo& newer_actor, std::uint64_t count) noexcept {
  Objects objects;
  const std::uintptr_t address = pair.variable != 0 ? pair.variable : address_of(pair);
  const Subject subject = subject_at(address, bytes_of(pair.newer, 0));
  objects.all.push_back(subject.object);
  const OwnVector<std::int32_t> newer_held = objects.held(pair.newer.place);
  const OwnVector<std::int32_t> older_held = objects.held(pair.older.place);
  const SlotOwner& owner = pair.older_owner;
  const ActorInfo older_actor = owner.known ? info_of(owner.who, "") : ActorInfo{};
  tell_race(side_of(pair.newer, newer_actor, newer_held, subject.bytes_told),
            side_of(pair.older, older_actor, older_held, subject.bytes_told), objects.all, subject.words.view(), count);
}

// ---- a place that races a million times -----------------------------------------------------------------------------
// To put a finding together takes microseconds, and to look for the block of an address that is in none takes more. So
// an equal race is only counted, and told when its count has doubled, and at the end.

struct KnownRace {
  FoundRaces::Pair pair;
  ActorKey newer{};
  std::uint64_t total = 0;
  std::uint64_t untold = 0;
};
constinit FutexLock known_lock;
constinit OwnMap<std::uint64_t, KnownRace>* known_races = nullptr;  // guarded by known_lock; made by the first race

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) noexcept {
  hash = (hash ^ value) * 0xff51afd7ed558ccdU;
  return hash ^ hash >> 32U;
}

// What makes two findings equal, but for locks: both places, and where both actors were created.
std::uint64_t identity_of(const FoundRaces::Pair& pair, const Actor& newer) noexcept {
  const SlotOwner& owner = pair.older_owner;
  std::uint64_t hash =
      mixed(static_cast<std::uint64_t>(pair.newer.place), static_cast<std::uint64_t>(pair.older.place));
  hash = mixed(hash, static_cast<std::uint64_t>(newer.created_at));
  return mixed(hash, static_cast<std::uint64_t>(info_of(owner.who, "").created_at) << 1U | (owner.known ? 1U : 0U));
}

// How many of this race, this one included, are to be told now; 0: it is counted, and that is all.
std::uint64_t due(const FoundRaces::Pair& pair, const Actor& newer) noexcept {
  if (!options().dedup) return 1;
  const std::uint64_t identity = identity_of(pair, newer);
  known_lock.lock();
  if (known_races == nullptr) known_races = own_new<OwnMap<std::uint64_t, KnownRace>>();
  KnownRace& known = (*known_races)[identity];
  if (known.total == 0) {
    known.pair = pair;
    known.newer = key_of(newer);
  }
  ++known.total;
  ++known.untold;
  const std::uint64_t count = std::has_single_bit(known.total) ? std::exchange(known.untold, 0) : 0;
  known_lock.unlock();
  return count;
}

// Whether nothing is wrong with it, whatever its clocks say.
bool is_harmless(const FoundRaces::Pair& pair, const Actor& newer) noexcept {
  const std::uintptr_t address = address_of(pair);
  // Through a null pointer: nothing is there, and the access did not happen (the program's handler went on from it).
  constexpr std::uintptr_t kLowestMapped = 65536;  // Linux: vm.mmap_min_addr
  if (address < kLowestMapped || is_library_cache(address)) return true;
  return pair.older_owner.known && took_turns(newer, info_of(pair.older_owner.who, ""), address);
}

// Whether they may be ordered by what nobody sees happen: a thread heeds that it was cancelled, the loader ran a
// module's constructors, a library calls a function of the program; and in a plain build much else.
bool may_be_ordered_unseen(const FoundRaces::Pair& pair, const Actor& newer) noexcept {
  const Epoch older = pair.older.word.at();
  if (may_be_ordered_by_cancel(newer, older) || loading::may_order(older) || library_waits::may_order(older))
    return true;
  return !engine_is_native() && (variables::may_be_ordered_by_initialisation(older) ||
                                 unseen_order::possible(stack_of(pair.older.place), stack_of(pair.newer.place)));
}

}  // namespace

void listen_to_races(RaceListener listener) noexcept { listening.store(listener, std::memory_order_release); }

void set_block_finder(FindBlock find) noexcept { find_block.store(find, std::memory_order_release); }

void FoundRaces::add(std::uintptr_t address, const AccessRecord& newer, const Clashes& clashes) noexcept {
  for (std::uint32_t i = 0; i < clashes.told && count_ < kMost; ++i) {
    const AccessRecord& older = clashes.older[i];
    bool known = false;
    for (const Pair& pair : pairs()) {
      known |= pair.older.place == older.place && pair.older.word.with_bytes(0) == older.word.with_bytes(0);
    }
    if (!known) pairs_[count_++] = {address, newer, older, owner_of(older.word.at())};
  }
}

void FoundRaces::tell_of_variable(std::uintptr_t address, std::size_t size) noexcept {
  know_variable(address, size);
  for (Pair& pair : std::span(pairs_).first(count_)) pair.variable = address;
}

void report_races(const FoundRaces& found, Actor& actor) noexcept {
  if (const RaceListener listener = listening.load(std::memory_order_acquire)) return listener(found);
  const int saved_errno = errno;
  {
    const InsideGuard inside;
    if (stage() == Stage::Live) {
      for (const FoundRaces::Pair& pair : found.pairs()) {
        if (is_harmless(pair, actor) || may_be_ordered_unseen(pair, actor)) continue;
        if (const std::uint64_t count = due(pair, actor); count != 0) tell_pair(pair, info_of(actor, "running"), count);
      }
    }
  }
  errno = saved_errno;
}

void tell_counted_races() noexcept {
  // At the end: whoever holds the lock may never let go.
  if (known_races == nullptr || !known_lock.try_lock()) return;
  for (auto entry = known_races->begin(); entry != known_races->end(); ++entry) {
    KnownRace& known = entry.value();
    const std::uint64_t count = std::exchange(known.untold, 0);
    if (count != 0) tell_pair(known.pair, info_of(known.newer, "running"), count);
  }
  known_lock.unlock();
}

}  // namespace vigil::shim::race
