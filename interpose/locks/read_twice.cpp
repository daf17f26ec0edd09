#include "interpose/locks/read_twice.hpp"

#include <algorithm>

#include "interpose/finding_writer.hpp"
#include "interpose/locks/nesting.hpp"
#include "interpose/options.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::locks {

void ReadTwice::tell(const LockObject& lock, const Witness& reader, const Witness& writer) noexcept {
  const std::uint64_t nesting = nesting_of(reader.taken_at, reader.wanted_at);
  const auto known = std::find_if(bugs_.begin(), bugs_.end(), [&](const Bug& bug) { return bug.nesting == nesting; });
  if (known != bugs_.end() && options().dedup) return report_again(known->finding);
  const ActorInfo reads = info_of(static_cast<ActorKey>(reader.actor), "");
  const ActorInfo writes = info_of(static_cast<ActorKey>(writer.actor), "");
  const Phrase name = words_for(lock);
  Line message;
  message << words_for(reads).view() << " read-locked " << name.view() << " again while it had it for reading, and "
          << words_for(writes).view()
          << " write-locks it; when the writer comes in between, it waits for the first read"
          << " lock and the second waits for it, for ever";
  const ObjectInfo object = info_of(lock);
  const std::int32_t held = 0;
  const std::array<Participant, 3> participants{{
      {.role = "holds",
       .actor = reads,
       .operation = "read-lock",
       .object = 0,
       .held = {},
       .stack = reader.taken_at,
       .note = "the first read lock, held until after the second"},
      {.role = "wants",
       .actor = reads,
       .operation = "read-lock",
       .object = 0,
       .held = {&held, 1},
       .stack = reader.wanted_at,
       .note = "the second read lock"},
      {.role = "wants",
       .actor = writes,
       .operation = "write-lock",
       .object = 0,
       .held = {},
       .stack = writer.wanted_at,
       .note = "the writer that may come in between"},
  }};
  const std::uint64_t finding =
      report({.kind = Kind::LockCycle,
              .predicted = true,
              .message = message.view(),
              .hint = "Lock for reading once; what is called meanwhile needs a form that does not lock.",
              .participants = participants,
              .objects = {&object, 1}});
  constexpr std::size_t kMostBugs = 200;
  if (bugs_.size() < kMostBugs) bugs_.push_back({.nesting = nesting, .finding = finding});
}

void ReadTwice::add(const LockObject& lock, Witness witness, bool reads) noexcept {
  Sides& sides = sides_[static_cast<LockId>(lock.id)];
  OwnVector<Witness>& same = reads ? sides.readers : sides.writers;
  if (same.size() == kMost || sides.told) return;
  for (const Witness& other : reads ? sides.writers : sides.readers) {
    if (!may_meet(witness, other)) continue;
    sides.told = true;
    tell(lock, reads ? witness : other, reads ? other : witness);
    break;
  }
  same.push_back(std::move(witness));
}

}  // namespace vigil::shim::locks
