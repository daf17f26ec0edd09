#include "reports/model/hint.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/model/function_name.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/phrases.hpp"
#include "reports/model/user_frames.hpp"

namespace vigil::reports {
namespace {

constexpr std::string_view kNilHint =
    "Make the channel before it is used: a nil channel is never ready, and only serves to switch off a case of a "
    "select.";

bool is_receive(const Participant& waiter) { return waiter.operation == "receive" || waiter.operation == "range"; }

bool waits_for_nil(const Finding& finding, const Participant& waiter) {
  return (is_receive(waiter) || waiter.operation == "send") && object_of(finding, waiter) == nullptr;
}

// Why a single actor waits for ever decides what helps it. "" when its wait says nothing special.
std::string_view hint_for_waiter(const Finding& finding, const Participant& waiter) {
  const bool deadlock = finding.kind == "deadlock";
  const Object* object = object_of(finding, waiter);
  const bool receives = is_receive(waiter);
  if (waits_for_nil(finding, waiter)) return kNilHint;
  if (receives) {
    return deadlock ? "Start whoever sends before this receive, and let the sender close the channel when it is done."
                    : "Let the sender close the channel on every path when it is done, or select on the context's done "
                      "as well.";
  }
  if (waiter.operation == "send") {
    return deadlock
               ? "Start the receiver before this send, or give the channel a capacity that holds what is sent."
               : "Give the channel capacity 1, or select on the context's done as well, so that the sender can leave "
                 "when its receiver has.";
  }
  if (waiter.operation == "select") return "Add a timeout or a done case to the select.";
  if (is_lock(waiter.operation)) return "Release the lock on every path out of its section: use std::scoped_lock.";
  if (waiter.operation == "acquire") return "Release the semaphore on every path.";
  if (object == nullptr) {
    return waiter.operation != "wait" ? std::string_view()
                                      : "Let somebody set the future, count the latch down, or change the value and "
                                        "notify, on every path.";
  }
  if (object->type == "wait-group") return "Reach done() on every path: use WaitGroup::go or a guard.";
  if (object->type == "cond")
    return "Wait with a predicate, change what it tests under the lock, and notify all who wait for it.";
  if (object->type == "semaphore") return "Release the semaphore on every path.";
  return {};
}

// The one whose wait is the cause: not whoever merely waits for that one to end, nor who used what it waits for before.
// Null: there are several, or none.
const Participant* only_waiter(const Finding& finding) {
  const Participant* only = nullptr;
  for (const Participant& one : finding.participants) {
    if (one.operation == "join" || one.role == "holder" || one.role.starts_with("earlier ")) continue;
    if (only != nullptr) return nullptr;
    only = &one;
  }
  return only;
}

// The lock that an actor waits for and holds itself. Null: there is none.
const Object* lock_held_by_its_waiter(const Finding& finding) {
  for (const Participant& waiter : finding.participants) {
    if (waiter.object < 0 || !is_lock(waiter.operation)) continue;
    const bool holds_it = std::any_of(waiter.held.begin(), waiter.held.end(),
                                      [&](std::size_t held) { return std::cmp_equal(held, waiter.object); });
    if (holds_it) return object_of(finding, waiter);
  }
  return nullptr;
}

// "mutex `a`", "mutex `a` or mutex `b`".
std::string locks_phrase(const Finding& finding, const std::vector<std::size_t>& held) {
  constexpr std::size_t kMost = 3;
  std::string phrase;
  for (std::size_t i = 0; i < held.size() && i < kMost; ++i) {
    phrase += fmt::format("{}{}", i == 0 ? "" : " or ", object_phrase(finding.objects[held[i]]));
  }
  return phrase;
}

// What would have ordered the two accesses of a race, where it is plain from the locks that they held. "" otherwise.
std::string hint_for_race(const Finding& finding) {
  if (finding.participants.size() != 2) return {};
  const Participant& newer = finding.participants[0];
  const Participant& older = finding.participants[1];
  if (newer.held.empty() && older.held.empty()) return {};
  const auto common = std::find_first_of(newer.held.begin(), newer.held.end(), older.held.begin(), older.held.end());
  if (common != newer.held.end()) {
    const Object& lock = finding.objects[*common];
    if (lock.type != "rw-mutex") return {};
    return fmt::format(
        "Both hold {}, and at least one of them only for reading: take it for writing where it is written.",
        object_phrase(lock));
  }
  if (!newer.held.empty() && !older.held.empty()) {
    return fmt::format("The two hold different locks, {} here and {} there: hold the same one around both.",
                       locks_phrase(finding, newer.held), locks_phrase(finding, older.held));
  }
  const Participant& guarded = newer.held.empty() ? older : newer;
  const Participant& bare = newer.held.empty() ? newer : older;
  const Frame* const place = find_user_frame(bare.stack);
  const std::string where =
      place == nullptr || place->function.empty() ? "the other side" : spoken_name(place->function);
  return fmt::format("Hold {} where {} {} it, too: the other side does.", locks_phrase(finding, guarded.held), where,
                     bare.operation.find("write") != std::string::npos ? "writes" : "reads");
}

}  // namespace

std::string hint_of(const Finding& finding) {
  if (!finding.hint.empty()) return finding.hint;
  if (finding.kind == "task-leak" || finding.kind == "deadlock") {
    const auto& participants = finding.participants;
    const bool all_locks = std::all_of(participants.begin(), participants.end(),
                                       [](const Participant& p) { return is_lock(p.operation); });
    if (participants.size() > 1 && all_locks) {
      const Object* const own = lock_held_by_its_waiter(finding);
      if (own == nullptr) return std::string(find_kind("lock-cycle")->hint);
      return own->type == "rw-mutex" ? "Lock it once: what is called meanwhile needs a form that does not lock."
                                     : std::string(find_kind("double-lock")->hint);
    }
    const bool all_nil = std::all_of(participants.begin(), participants.end(),
                                     [&](const Participant& p) { return waits_for_nil(finding, p); });
    if (!participants.empty() && all_nil) return std::string(kNilHint);
    if (const Participant* const waiter = only_waiter(finding); waiter != nullptr) {
      const std::string_view hint = hint_for_waiter(finding, *waiter);
      if (!hint.empty()) return std::string(hint);
    }
  }
  if (finding.kind == "double-lock" && !finding.participants.empty()) {
    const Object* const lock = object_of(finding, finding.participants[0]);
    if (lock != nullptr && lock->type == "rw-mutex") {
      return "A read lock does not become a write lock, nor a write lock a read lock: give it back first and look "
             "again, "
             "or lock for writing from the start.";
    }
  }
  if (finding.kind == "data-race") {
    std::string hint = hint_for_race(finding);
    if (!hint.empty()) return hint;
  }
  const Kind* kind = find_kind(finding.kind);
  return kind == nullptr ? std::string() : std::string(kind->hint);
}

}  // namespace vigil::reports
