#include "reports/model/kind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

namespace vigil::reports {
namespace {

constexpr Level kError = Level::Error;
constexpr Level kWarning = Level::Warning;

constexpr std::array<Kind, 27> kKinds{{
    {"data-race", kError, "a data race", "data races",
     "Guard both accesses with the same Mutex, make the variable atomic, or hand the data over through a channel."},
    {"use-after-free", kError, "freed memory is used", "uses of freed memory",
     "Let whoever frees the memory wait (WaitGroup, join) until every user of it is done."},
    {"lock-cycle", kError, "locks are taken in opposite orders, which can deadlock", "lock cycles",
     "Take these locks in one order everywhere, or take them together with std::scoped_lock."},
    {"deadlock", kError, "a deadlock: nobody can wake those who wait", "deadlocks",
     "Break the ring: let one side go on without the other, or give the wait a way out (a timeout, a done channel)."},
    {"task-leak", kError, "a task is blocked for ever", "tasks blocked for ever",
     "Give the wait an end: close the channel when its sender is done, or select on the context's done as well."},
    {"cancelled-but-alive", kError, "a task outlives its cancelled context",
     "tasks that outlive their cancelled context",
     "Select on ctx.done() where the task waits, and hand the context on to the tasks it starts."},
    {"task-running-at-exit", kWarning, "main returned while a task was still at work",
     "tasks still at work when main returned", "Wait for the task with a WaitGroup before main returns."},
    {"send-on-closed", kError, "a send on a closed channel", "sends on closed channels",
     "Only the last sender closes: wait for all senders with a WaitGroup, then close once."},
    {"close-of-closed", kError, "a channel is closed twice", "channels closed twice",
     "Let one owner close the channel; with several, use Once or a StopController."},
    {"close-of-nil", kError, "a nil channel is closed", "nil channels closed",
     "Make the channel before it is used: Channel<T> c(0) or Channel<T>::make(n)."},
    {"close-send-race", kError, "nothing orders a close after a send", "closes that nothing orders after a send",
     "Wait for all senders with a WaitGroup, then close once."},
    {"wait-group-negative", kError, "a wait group's counter goes below zero", "wait groups below zero",
     "Call done() exactly once for each add(1); WaitGroup::go does both."},
    {"wait-group-race", kError, "an add that nothing orders before wait", "adds that nothing orders before wait",
     "Call add() before the task is started, not inside it, or use WaitGroup::go."},
    {"wait-group-reuse", kError, "a wait group is reused before its wait returned", "wait groups reused too early",
     "Use one wait group for each round."},
    {"double-lock", kError, "a lock is taken again by its holder", "locks taken twice by their holder",
     "Split the method: a public one that locks, and an inner one that expects the lock to be held."},
    {"unlock-not-held", kError, "a lock is released that nobody holds", "locks released that nobody holds",
     "Pair lock and unlock with std::scoped_lock or std::unique_lock."},
    {"destroy-locked", kError, "a lock is destroyed while it is held", "locks destroyed while held",
     "Keep the lock alive until its last holder has released it."},
    {"unlock-by-other", kError, "a lock is released by another thread than took it", "locks released by another thread",
     "Lock and unlock in one thread; use a Semaphore to signal from one thread to another."},
    {"task-exception", kError, "an exception left a task", "exceptions that left a task",
     "Catch in the task and report the failure through a channel or an ErrorGroup."},
    {"closed-channel-spin", kWarning, "a loop keeps receiving from a closed channel", "loops on closed channels",
     "Leave the loop when receive() returns an empty optional."},
    {"busy-select", kWarning, "a select spins on its default", "selects that spin on their default",
     "Block without otherwise(), or wait with on_timeout and back off."},
    {"lock-held-while-blocked", kWarning, "a task waits while it holds a lock others need",
     "waits under a lock others need",
     "Release the lock before the wait: copy what is needed out, unlock, then send or wait."},
    {"context-leak", kWarning, "a context is never cancelled", "contexts never cancelled",
     "Call cancel on every path, also after success."},
    {"timer-leak", kWarning, "timers pile up", "places where timers pile up",
     "Make one Timer outside the loop and reset it; stop tickers on the way out."},
    {"task-growth", kWarning, "tasks pile up", "places where tasks pile up",
     "Bound the number of tasks with a WorkerPool or a Semaphore, and pass them the request's context."},
    {"lost-items", kWarning, "items in a channel are lost", "channels that lost items",
     "Drain the channel before leaving, or say in the code who owns what is left."},
    {"long-block", kWarning, "a long wait for a lock", "places with long waits for a lock",
     "Shorten the section under the lock, or take slow work out of it."},
}};

// New findings of one level by kind.
std::map<std::string_view, std::uint64_t> new_by_kind(const Report& report, Level level) {
  std::map<std::string_view, std::uint64_t> counts;
  for (const Finding& finding : report.findings) {
    if (finding.level == level && !finding.known) ++counts[finding.kind];
  }
  return counts;
}

// "a send on a closed channel; an exception left a task", after a colon; " of 9 kinds" when there are too many for a
// sentence.
std::string kinds_words(const Report& report, Level level) {
  constexpr std::size_t kMostInASentence = 3;
  const std::map<std::string_view, std::uint64_t> counts = new_by_kind(report, level);
  if (counts.size() > kMostInASentence) return fmt::format(" of {} kinds", counts.size());
  std::vector<std::string> parts;
  for (const Kind& kind : kKinds) {  // in the table's order: the gravest first
    const auto at = counts.find(kind.name);
    if (at == counts.end()) continue;
    parts.push_back(at->second == 1 ? std::string(kind.one) : fmt::format("{} {}", at->second, kind.many));
  }
  for (const auto& [name, count] : counts) {
    if (find_kind(name) == nullptr) parts.push_back(fmt::format("{} {}", count, name));
  }
  return fmt::format(": {}", fmt::join(parts, "; "));
}

std::string plural(std::uint64_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

}  // namespace

std::span<const Kind> all_kinds() noexcept { return kKinds; }

const Kind* find_kind(std::string_view name) noexcept {
  const auto* const at =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) { return kind.name == name; });
  return at == kKinds.end() ? nullptr : at;
}

Summary summary_of(const Report& report) noexcept {
  Summary summary;
  for (const Finding& finding : report.findings) {
    const bool is_error = finding.level == Level::Error;
    ++(is_error ? summary.errors : summary.warnings);
    if (!finding.known) ++(is_error ? summary.new_errors : summary.new_warnings);
  }
  return summary;
}

std::string verdict_of(const Report& report) {
  const Summary summary = summary_of(report);
  if (summary.errors == 0 && summary.warnings == 0) {
    return report.suppressed == 0 ? "Nothing found" : fmt::format("Nothing found; {} suppressed", report.suppressed);
  }
  const std::uint64_t known = summary.known();
  const std::string_view fresh = known == 0 ? "" : "new ";
  std::string text;
  if (summary.new_errors != 0) {
    text = plural(summary.new_errors, fmt::format("{}error", fresh)) + kinds_words(report, Level::Error);
    if (summary.new_warnings != 0)
      text += fmt::format("; and {}", plural(summary.new_warnings, fmt::format("{}warning", fresh)));
  } else if (summary.new_warnings != 0) {
    text = fmt::format("No {}errors, {}{}", fresh, plural(summary.new_warnings, fmt::format("{}warning", fresh)),
                       kinds_words(report, Level::Warning));
  } else {
    text = "Nothing new";
  }
  if (known != 0) text += fmt::format("; {} of the baseline", plural(known, "finding"));
  return text;
}

std::string counts_of(const Report& report) {
  std::vector<std::string> parts;
  for (const auto& [level, word] : {std::pair(Level::Error, "error"), std::pair(Level::Warning, "warning")}) {
    std::vector<std::string> kinds;
    std::uint64_t all = 0;
    for (const auto& [name, count] : new_by_kind(report, level)) {
      kinds.push_back(count == 1 ? std::string(name) : fmt::format("{} x{}", name, count));
      all += count;
    }
    if (all > 0) parts.push_back(fmt::format("{} ({})", plural(all, word), fmt::join(kinds, ", ")));
  }
  if (const std::uint64_t known = summary_of(report).known(); parts.empty() && known != 0)
    return fmt::format("nothing new; {} of the baseline", plural(known, "finding"));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string end_of(const Program& program) {
  const auto signal_text = [&] {
    const char* name =
        program.signal > 0 && program.signal < NSIG ? sigabbrev_np(static_cast<int>(program.signal)) : nullptr;
    return name == nullptr ? fmt::format("signal {}", program.signal) : fmt::format("SIG{}", name);
  };
  if (program.end == "exit") return fmt::format("exited with status {}", program.exit_code);
  if (program.end == "_exit") return fmt::format("left through _exit with status {}", program.exit_code);
  if (program.end == "abort") return "aborted";
  if (program.end == "signal") return fmt::format("died of {}", signal_text());
  if (program.end == "deadlock") return "ended by vigil: deadlock";
  if (program.end == "deadline") return "ended by vigil: its deadline passed";
  if (program.signal > 0) return fmt::format("killed by {}", signal_text());
  return "killed without a chance to say why";
}

}  // namespace vigil::reports
