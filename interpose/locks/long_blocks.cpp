#include "interpose/locks/long_blocks.hpp"

#include <algorithm>
#include <array>

#include "interpose/finding_writer.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/objects.hpp"
#include "interpose/options.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::locks {
namespace {

// Bucket b counts waits of long_block * 2^b to twice that; the last all that are longer.
constexpr std::size_t kBuckets = 6;

struct Place {
  LongWait longest;
  std::uint32_t longest_ms = 0;
  ObjectInfo lock;
  ActorKey holder{};  // at the longest: the last that had it before
  StackId held_from = kNoStack;
  std::uint64_t waits = 0;
  std::uint64_t total_ms = 0;
  std::array<std::uint64_t, kBuckets> buckets{};
};

constinit FutexLock places_lock;
constinit OwnMap<StackId, Place>* places = nullptr;  // guarded by places_lock

std::uint32_t limit_ms() noexcept {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(options().long_block.ns / 1'000'000, 1));
}

void add_histogram(Line& message, const Place& place) noexcept {
  std::uint64_t from = limit_ms();
  bool first = true;
  for (std::size_t b = 0; b < kBuckets; ++b, from *= 2) {
    if (place.buckets[b] == 0) continue;
    message << (std::exchange(first, false) ? "" : ", ") << place.buckets[b];
    if (b + 1 < kBuckets) {
      message << " of " << from << " to " << 2 * from << " ms";
    } else {
      message << " of more than " << from << " ms";
    }
  }
}

void tell(const Place& place) noexcept {
  const ActorInfo who = info_of(place.longest.waiter, "");
  Line message;
  message << place.waits << (place.waits == 1 ? " long wait" : " long waits") << " for a lock at this place: ";
  add_histogram(message, place);
  message << "; the longest took " << words_for_ms(place.longest_ms).view() << ", all together "
          << words_for_ms(static_cast<std::int64_t>(place.total_ms)).view();
  OwnVector<Participant> participants;
  participants.push_back({.role = "waiter",
                          .actor = who,
                          .operation = place.longest.operation,
                          .object = 0,
                          .held = {},
                          .stack = place.longest.stack,
                          .waited_ms = place.longest_ms,
                          .note = "it waited here"});
  if (place.holder != ActorKey{}) {
    const ActorInfo holder = info_of(place.holder, "");
    message << ", until " << words_for(holder).view() << " gave it back";
    participants.push_back({.role = "holder",
                            .actor = holder,
                            .operation = "lock",
                            .object = 0,
                            .held = {},
                            .stack = place.held_from,
                            .note = "who had it before took it here"});
  }
  report({.kind = Kind::LongBlock,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = {&place.lock, 1},
          .count = place.waits});
}

}  // namespace

void note_wait(const LongWait& wait, const LockObject& lock) noexcept {
  if (!wants(Kind::LongBlock)) return;
  const std::uint32_t took = coarse_ms() - wait.since_ms;
  if (wait.since_ms == 0 || took < limit_ms() || !lock_within(places_lock)) return;
  if (places == nullptr) places = own_new<OwnMap<StackId, Place>>();
  Place& place = (*places)[wait.stack];
  ++place.waits;
  place.total_ms += took;
  std::size_t bucket = 0;
  for (std::uint64_t end = 2ULL * limit_ms(); bucket + 1 < kBuckets && took >= end; end *= 2) ++bucket;
  ++place.buckets[bucket];
  if (took > place.longest_ms) {
    place.longest_ms = took;
    place.longest = wait;
    place.lock = info_of(lock);
    place.holder = lock.holder.load(std::memory_order_relaxed);
    place.held_from = lock.taken_at.load(std::memory_order_relaxed);
  }
  places_lock.unlock();
}

void tell_long_waits() noexcept {
  if (!lock_within(places_lock)) return;
  if (places != nullptr) {
    for (const auto& [stack, place] : *places) tell(place);
  }
  places_lock.unlock();
}

}  // namespace vigil::shim::locks
