#include "reports/model/hint.hpp"

#include <algorithm>
#include <string_view>

#include "reports/model/kind.hpp"
#include "reports/model/phrases.hpp"

namespace vigil::reports {
namespace {

// Why a single actor waits for ever decides what helps it. "" when its wait says nothing special.
std::string_view hint_for_waiter(const Finding& finding, const Participant& waiter) {
  const bool deadlock = finding.kind == "deadlock";
  const Object* object = object_of(finding, waiter);
  const bool receives = waiter.operation == "receive" || waiter.operation == "range";
  if ((receives || waiter.operation == "send") && object == nullptr) {
    return "Make the channel before it is used: a nil channel is never ready, and only serves to switch off a case of "
           "a select.";
  }
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
  if (object == nullptr) return {};
  if (object->type == "wait-group") return "Reach done() on every path: use WaitGroup::go or a guard.";
  if (object->type == "cond")
    return "Wait with a predicate, change what it tests under the lock, and notify all who wait for it.";
  return {};
}

}  // namespace

std::string hint_of(const Finding& finding) {
  if (!finding.hint.empty()) return finding.hint;
  if (finding.kind == "task-leak" || finding.kind == "deadlock") {
    const auto& participants = finding.participants;
    const bool all_locks = std::all_of(participants.begin(), participants.end(),
                                       [](const Participant& p) { return is_lock(p.operation); });
    if (participants.size() > 1 && all_locks) return std::string(find_kind("lock-cycle")->hint);
    if (participants.size() == 1) {
      const std::string_view hint = hint_for_waiter(finding, participants[0]);
      if (!hint.empty()) return std::string(hint);
    }
  }
  const Kind* kind = find_kind(finding.kind);
  return kind == nullptr ? std::string() : std::string(kind->hint);
}

}  // namespace vigil::reports
