#include "test/schedule/explorer.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "runtime/src/choice.hpp"
#include "runtime/src/clock.hpp"
#include "runtime/src/futex.hpp"
#include "runtime/src/scheduler.hpp"
#include "runtime/src/turns.hpp"

namespace {
constinit vigil::detail::FutexWord idle{0};
}

// The worker found nothing to run, and no deadline to wait for: every task has ended or waits for ever.
extern "C" __attribute__((visibility("default"))) void vigil_probe_idle() noexcept {
  idle.store(1, std::memory_order_release);
  vigil::detail::futex_wake_all(idle);
}

namespace vigil::test {
namespace {

using detail::Step;

// Follows a prefix of choices, then always takes the first way, and remembers how many there were.
class Script final : public detail::ChoiceSource {
 public:
  void start(std::vector<std::uint32_t> prefix, std::uint32_t preemptions, std::uint64_t first_task) {
    prefix_ = std::move(prefix);
    preemptions_left_ = preemptions;
    first_task_ = first_task;
    chosen_.clear();
    ways_.clear();
    trace_.clear();
  }

  std::size_t next(const Step& step) noexcept override {
    for (std::size_t i = 0; i < step.who.size(); ++i)
      if (detail::is_thread(step.who[i])) return i;  // main, which starts the tasks and then steps aside
    const bool preempts = step.first_runs && !step.yields;
    const std::size_t at = preempts && preemptions_left_ == 0 ? 0 : choose(step.who.size());
    if (preempts && at != 0) --preemptions_left_;
    trace_.push_back(static_cast<std::uint64_t>(step.who[at]) - first_task_ + 1);
    return at;
  }
  std::uint32_t below(std::uint32_t bound) noexcept override { return static_cast<std::uint32_t>(choose(bound)); }

  [[nodiscard]] Schedule schedule() const { return {chosen_}; }
  [[nodiscard]] std::string trace() const {
    std::string text;
    for (const std::uint64_t task : trace_) text += (text.empty() ? "" : " ") + std::to_string(task);
    return text;
  }
  // The next schedule's prefix; empty: there is none.
  [[nodiscard]] std::vector<std::uint32_t> next_prefix() const {
    std::vector<std::uint32_t> prefix = chosen_;
    while (!prefix.empty() && prefix.back() + 1 >= ways_[prefix.size() - 1]) prefix.pop_back();
    if (!prefix.empty()) ++prefix.back();
    return prefix;
  }

 private:
  std::size_t choose(std::size_t ways) noexcept {
    const std::size_t at = chosen_.size();
    const std::size_t wanted = at < prefix_.size() ? prefix_[at] : 0;
    const std::size_t chosen = wanted < ways ? wanted : ways - 1;  // a schedule of another program stays harmless
    chosen_.push_back(static_cast<std::uint32_t>(chosen));
    ways_.push_back(static_cast<std::uint32_t>(ways));
    return chosen;
  }

  std::vector<std::uint32_t> prefix_;
  std::vector<std::uint32_t> chosen_;
  std::vector<std::uint32_t> ways_;
  std::vector<std::uint64_t> trace_;
  std::uint32_t preemptions_left_ = 0;
  std::uint64_t first_task_ = 1;
};

Script& script() {
  static Script& the_script = *new Script;  // outlives the worker
  return the_script;
}

void take_over() {
  static const bool taken = [] {
    detail::virtual_now_ns.store(1'000'000'000, std::memory_order_relaxed);
    return detail::turns().choose_by(script(), nullptr);
  }();
  if (!taken) throw std::logic_error("tasks have been started before");
}

std::string run(const Program& program, std::vector<std::uint32_t> prefix, Bounds bounds) {
  take_over();
  detail::Scheduler& all = detail::scheduler();
  script().start(std::move(prefix), bounds.preemptions, all.tasks_started() + 1);
  idle.store(0, std::memory_order_relaxed);
  detail::choice_point();  // takes the turn: no task runs before all are started
  const std::uint64_t alive_before = all.tasks_started() - all.tasks_finished();
  const Check check = program();
  detail::turns().leave(static_cast<detail::PlainThread&>(detail::this_thread()));
  while (idle.load(std::memory_order_acquire) == 0) detail::futex_wait(idle, 0);
  if (const std::uint64_t left = all.tasks_started() - all.tasks_finished() - alive_before; left != 0)
    return std::to_string(left) + (left == 1 ? " task waits" : " tasks wait") + " for ever";
  return check();
}

}  // namespace

std::string Schedule::text() const {
  std::string text;
  for (const std::uint32_t choice : choices) text += (text.empty() ? "" : ".") + std::to_string(choice);
  return text.empty() ? "-" : text;
}

Schedule Schedule::parse(std::string_view text) {
  Schedule schedule;
  while (!text.empty() && text != "-") {
    std::uint32_t choice = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), choice);
    if (error != std::errc{}) throw std::invalid_argument("not a schedule: " + std::string(text));
    schedule.choices.push_back(choice);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with('.')) text.remove_prefix(1);
  }
  return schedule;
}

Explored explore(const Program& program, Bounds bounds) {
  Explored result;
  std::vector<std::uint32_t> prefix;
  while (result.schedules < bounds.schedules) {
    result.failure = run(program, prefix, bounds);
    ++result.schedules;
    const Schedule done = script().schedule();
    result.longest = std::max<std::uint64_t>(result.longest, done.choices.size());
    if (!result.failure.empty()) {
      result.failing = done;
      result.trace = script().trace();
      return result;
    }
    prefix = script().next_prefix();
    result.complete = prefix.empty();
    if (result.complete) break;
  }
  return result;
}

Explored replay(const Program& program, const Schedule& schedule, Bounds bounds) {
  Explored result;
  result.failure = run(program, schedule.choices, bounds);
  result.schedules = 1;
  result.failing = script().schedule();
  result.longest = result.failing.choices.size();
  result.trace = script().trace();
  return result;
}

}  // namespace vigil::test
