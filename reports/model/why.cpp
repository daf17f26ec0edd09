#include "reports/model/why.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "reports/model/phrases.hpp"

namespace vigil::reports {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 25> kWhy{{
    {"use-after-free",
     "The block had been given back before this access. Whatever the allocator puts there next is "
     "read or overwritten."},
    {"lock-cycle",
     "Each lock was taken while the one before it was held, by different actors, with no other lock around all of it "
     "and "
     "nothing that keeps them apart in time. A schedule in which each has its first lock and wants its second never "
     "ends."},
    {"deadlock", "Whoever could end these waits is waiting here too, or is gone."},
    {"cancelled-but-alive", "Its context had been cancelled, and the task was still there when it should have left."},
    {"task-running-at-exit",
     "Work that is cut off by the end of main is lost, and what the task uses may be gone "
     "before the task is."},
    {"send-on-closed", "The channel was already closed when this send came: it panics, whatever the channel holds."},
    {"close-of-closed", "The channel was already closed: a second close panics."},
    {"close-of-nil", "There is no channel in this handle: closing it panics."},
    {"close-send-race",
     "Nothing makes the send come before the close. In this run it did; when it does not, it panics."},
    {"wait-group-negative", "More done() than add(): the counter would go below zero, which panics."},
    {"wait-group-race",
     "Nothing orders this add before the wait. A wait that comes first finds zero and does not wait."},
    {"wait-group-reuse",
     "The next round began while a waiter of the last one had not yet returned: it may wait for "
     "the wrong round."},
    {"double-lock", "The lock is not recursive and its holder wants it again: it would wait for itself."},
    {"unlock-not-held",
     "Nobody held the lock at this point: the unlock is undefined, or takes it from its next holder."},
    {"destroy-locked", "The lock was still held when its memory went."},
    {"unlock-by-other", "Another one had taken the lock, and nothing orders its lock before this unlock."},
    {"task-exception", "Nothing outside a task can catch what leaves it: it ends the program."},
    {"closed-channel-spin", "A closed channel is always ready, so this loop never waits and never gets a value."},
    {"busy-select", "The default was taken over and over with nothing else to do in between: the loop burns a core."},
    {"lock-held-while-blocked",
     "Those who could end this wait have been seen to take the lock that is held here. When "
     "one of them needs it first, both wait for ever."},
    {"context-leak", "The last handle went without cancel: timers, children and everyone who waits on it stay."},
    {"timer-leak", "Timers made at this place were never stopped, drained or fired, and their number grew."},
    {"task-growth", "In window after window more tasks of this origin were started than ended."},
    {"lost-items", "The items were sent, and nobody received them."},
    {"long-block", "Others held the lock for longer than the bound that was asked for."},
}};

// "`cache_lock` and mutex m2" of the locks that a participant holds.
std::string locks_of(const Finding& finding, const Participant& participant) {
  std::string text;
  for (std::size_t i = 0; i < participant.held.size(); ++i) {
    if (i != 0) text += i + 1 == participant.held.size() ? " and " : ", ";
    text += object_phrase(finding.objects[participant.held[i]]);
  }
  return text;
}

std::string why_race(const Finding& finding) {
  constexpr std::string_view kMeet = "the two can meet, and what is read or kept then is undefined.";
  if (finding.participants.size() < 2) return fmt::format("Nothing orders the accesses: {}", kMeet);
  const Participant& a = finding.participants[0];
  const Participant& b = finding.participants[1];
  if (a.held.empty() && b.held.empty()) return fmt::format("Neither side holds a lock: {}", kMeet);
  const bool common = std::any_of(a.held.begin(), a.held.end(), [&](std::size_t lock) {
    return std::find(b.held.begin(), b.held.end(), lock) != b.held.end();
  });
  if (common) {  // a read lock on both sides, say: it keeps nobody out
    return fmt::format("The lock that both sides hold lets both in at once: {}", kMeet);
  }
  if (!a.held.empty() && !b.held.empty()) {
    return fmt::format("One side holds {}, the other {}, and no lock is held by both: {}", locks_of(finding, a),
                       locks_of(finding, b), kMeet);
  }
  return fmt::format("Only one side holds a lock, {}. It keeps nobody out that does not take it: {}",
                     locks_of(finding, a.held.empty() ? b : a), kMeet);
}

}  // namespace

std::string why_of(const Finding& finding) {
  if (finding.kind == "data-race") return why_race(finding);
  if (finding.kind == "task-leak") {
    return finding.proved ? "Nothing that is still alive can reach what the task waits for: no event can wake it."
                          : "The program came to its normal end and the task was still blocked: its work was never "
                            "done, and in a longer program it would stay and hold on to its memory.";
  }
  const auto* const at =
      std::find_if(kWhy.begin(), kWhy.end(), [&](const auto& entry) { return entry.first == finding.kind; });
  std::string text(at == kWhy.end() ? std::string_view() : at->second);
  if (finding.predicted && finding.kind == "lock-cycle")
    text += " This run got away with it; the order of its events shows that another need not.";
  return text;
}

}  // namespace vigil::reports
