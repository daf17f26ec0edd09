#include "interpose/race/race_report.hpp"

#include <cerrno>

#include "interpose/finding.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/context_tree.hpp"
#include "interpose/race/lock_sets.hpp"
#include "interpose/race/slot_owners.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::race {
namespace {

constinit std::atomic<FindBlock> find_block{nullptr};
constinit std::atomic<RaceListener> listening{nullptr};

std::string_view past(const AccessWord& word) noexcept {
  if (word.is_free()) return "freed";
  return word.is_write() ? "wrote" : "read";
}
std::string_view past_perfect(const AccessWord& word) noexcept {
  return word.is_write() && !word.is_free() ? "had written" : word.is_free() ? "had freed" : "had read";
}

Phrase operation(const AccessWord& word) noexcept {
  Phrase phrase;
  if (word.is_free()) return phrase << "free";
  phrase << (word.is_atomic() ? "atomic " : "") << (word.is_write() ? "write of " : "read of ") << word.span_bytes()
         << (word.span_bytes() == 1 ? " byte" : " bytes");
  return phrase;
}

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

ObjectInfo object_at(std::uintptr_t address, const AccessWord& newer) noexcept {
  BlockInfo block;
  const FindBlock find = find_block.load(std::memory_order_acquire);
  if (find != nullptr && find(address, block)) {
    return {.type = ObjectType::HeapBlock,
            .id = block.number,
            .capacity = static_cast<std::int64_t>(block.size),
            .address = block.start,
            .created_at = block.allocated_at};
  }
  return {.type = ObjectType::Variable,
          .id = 0,
          .capacity = static_cast<std::int64_t>(newer.span_bytes()),
          .address = address};
}

// What would have ordered the two, where it is plain: one side held a lock that the other did not.
void add_advice(Line& message, std::span<const std::int32_t> newer, std::span<const std::int32_t> older) noexcept {
  if (newer.empty() == older.empty()) return;
  message << "; the " << (newer.empty() ? "earlier" : "later") << " access held "
          << (newer.size() + older.size() == 1 ? "a lock" : "locks") << ", the other held none";
}

void tell_race(const FoundRaces::Pair& pair, Actor& actor) noexcept {
  const std::uint64_t common = pair.newer.word.bytes() & pair.older.word.bytes();
  const std::uintptr_t address = pair.granule / kGranuleBytes * kGranuleBytes +
                                 AccessWord(common != 0 ? common : pair.newer.word.bytes()).first_byte();
  const bool after_free = pair.older.word.is_free();
  Objects objects;
  objects.all.push_back(object_at(address, pair.newer.word));
  const bool is_block = objects.all[0].type == ObjectType::HeapBlock;
  const OwnVector<std::int32_t> newer_held = objects.held(pair.newer.place);
  const OwnVector<std::int32_t> older_held = objects.held(pair.older.place);
  const ActorInfo newer_actor = info_of(actor, "running");
  const Owner owner = owner_of(pair.older.word.at());
  const ActorInfo older_actor = owner.known ? info_of(owner.who, "") : ActorInfo{};
  const Phrase newer_operation = operation(pair.newer.word);
  const Phrase older_operation = operation(pair.older.word);
  const Participant participants[] = {
      {.role = after_free ? "access" : "newer",
       .actor = newer_actor,
       .operation = newer_operation.view(),
       .object = 0,
       .held = newer_held,
       .stack = stack_of(pair.newer.place),
       .note = after_free ? "the access to freed memory" : "the later access"},
      {.role = after_free ? "free" : "older",
       .actor = older_actor,
       .operation = older_operation.view(),
       .object = 0,
       .held = older_held,
       .stack = stack_of(pair.older.place),
       .note = after_free ? "the block was freed here" : "the earlier access"},
  };
  Line message;
  if (after_free) {
    message << words_for(newer_actor).view() << " " << past(pair.newer.word) << " memory that "
            << words_for(older_actor).view() << " had freed";
  } else {
    message << words_for(newer_actor).view() << " " << past(pair.newer.word)
            << (is_block ? " a heap block" : " a variable") << " that " << words_for(older_actor).view() << " "
            << past_perfect(pair.older.word)
            << ", and nothing orders the two: no channel, lock, wait group or start of a task lies between them";
    add_advice(message, newer_held, older_held);
  }
  report({.kind = after_free ? Kind::UseAfterFree : Kind::DataRace,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = objects.all});
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
    if (!known) pairs_[count_++] = {address, newer, older};
  }
}

void report_races(const FoundRaces& found, Actor& actor) noexcept {
  if (const RaceListener listener = listening.load(std::memory_order_acquire)) return listener(found);
  const int saved_errno = errno;
  {
    const InsideGuard inside;
    if (stage() == Stage::Live) {
      for (const FoundRaces::Pair& pair : found.pairs()) tell_race(pair, actor);
    }
  }
  errno = saved_errno;
}

}  // namespace vigil::shim::race
