#include "interpose/race/race_finding.hpp"

#include "interpose/finding_writer.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::race {
namespace {

std::string_view past(const RaceSide& side) noexcept {
  return side.is_free ? "freed" : side.is_write ? "wrote" : "read";
}
std::string_view past_perfect(const RaceSide& side) noexcept {
  return side.is_free ? "had freed" : side.is_write ? "had written" : "had read";
}

Phrase operation(const RaceSide& side) noexcept {
  Phrase phrase;
  if (side.is_free) return phrase << "free";
  phrase << (side.is_atomic ? "atomic " : "") << (side.is_write ? "write of " : "read of ") << side.bytes
         << (side.bytes == 1 ? " byte" : " bytes");
  return phrase;
}

// What would have ordered the two, where it is plain: one side held a lock that the other did not.
void add_advice(Line& message, const RaceSide& newer, const RaceSide& older) noexcept {
  if (newer.held.empty() == older.held.empty()) return;
  message << "; the " << (newer.held.empty() ? "earlier" : "later") << " access held "
          << (newer.held.size() + older.held.size() == 1 ? "a lock" : "locks") << ", the other held none";
}

}  // namespace

void tell_race(const RaceSide& newer, const RaceSide& older, std::span<const ObjectInfo> objects,
               std::string_view subject, std::uint64_t count) noexcept {
  const bool after_free = older.is_free;
  const Phrase newer_operation = operation(newer);
  const Phrase older_operation = operation(older);
  const Participant participants[] = {
      {.role = after_free ? "access" : "newer",
       .actor = newer.actor,
       .operation = newer_operation.view(),
       .object = 0,
       .held = newer.held,
       .stack = newer.stack,
       .note = after_free ? "the access to freed memory" : "the later access"},
      {.role = after_free ? "free" : "older",
       .actor = older.actor,
       .operation = older_operation.view(),
       .object = 0,
       .held = older.held,
       .stack = older.stack,
       .note = after_free ? "the block was freed here" : "the earlier access"},
  };
  Line message;
  if (after_free) {
    message << words_for(newer.actor).view() << " " << past(newer) << " memory that " << words_for(older.actor).view()
            << " had freed";
  } else {
    message << words_for(newer.actor).view() << " " << past(newer) << " " << subject << " that "
            << words_for(older.actor).view() << " " << past_perfect(older)
            << ", and nothing orders the two: no channel, lock, wait group or start of a task lies between them";
    add_advice(message, newer, older);
  }
  report({.kind = after_free ? Kind::UseAfterFree : Kind::DataRace,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = objects,
          .count = count});
}

}  // namespace vigil::shim::race
