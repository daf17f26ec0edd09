// vigil explore: runs a program again and again under random schedules, each drawn from a seed of its own, and tells
// which seed made it fail and how to have that run again.
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "reports/cli/captured_output.hpp"
#include "reports/cli/command_line.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/cli/run_help.hpp"
#include "reports/cli/run_options.hpp"
#include "reports/cli/say.hpp"
#include "reports/cli/terminal.hpp"
#include "reports/cli/watched_run.hpp"
#include "reports/model/finish.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

constexpr std::uint64_t kMostSeed = 1'000'000'000;  // seeds that are drawn: short, for they are copied by hand
constexpr int kRepeats = 3;                         // runs of a seed that failed, to see whether it fails again
constexpr std::string_view kDeadline = "60s";       // of one run, unless the user says another

// What one run came to.
struct Outcome {
  std::string record;               // path; "" when the run left none
  std::optional<Report> report;     // finished
  std::vector<std::string> errors;  // one sentence each; empty: it was fine
};

std::string how_it_ended(const ChildEnd& end, const std::optional<Report>& report) {
  if (report && report->program.end == "deadline") return "it did not end in time";
  if (WIFSIGNALED(end.wait_status)) return fmt::format("signal {} ended it", WTERMSIG(end.wait_status));
  const int status = WIFEXITED(end.wait_status) ? WEXITSTATUS(end.wait_status) : 0;
  return status == 0 ? std::string() : fmt::format("its exit status was {}", status);
}

class Explorer {
 public:
  Explorer(WatchedProgram program, std::uint64_t first_seed) : program_(std::move(program)), first_seed_(first_seed) {
    formats_ = option_text(program_.options, "formats", "json,html");
    program_.options["schedule"] = "random";
    program_.options["formats"] = "";  // only the runs that fail get a report
    // The program's own exit status must come through.
    program_.options["exitcode"] = "0";
    if (option_text(program_.options, "deadline", "").empty()) program_.options["deadline"] = kDeadline;
  }

  int run() {
    const std::uint64_t runs = program_.arguments.runs;
    for (std::uint64_t i = 0; i < runs; ++i) {
      const std::uint64_t seed = first_seed_ + i;
      const Outcome outcome = once(seed);
      ++done_;
      if (status_ != 0) return status_;
      if (outcome.errors.empty()) {
        forget(outcome);
        continue;
      }
      ++failed_;
      if (!tell(outcome, seed)) forget(outcome);
      if (!program_.arguments.all || stopped_) break;
    }
    return conclude();
  }

 private:
  Outcome once(std::uint64_t seed) {
    program_.options["seed"] = fmt::format("{}", seed);
    Outcome outcome;
    const WatchedEnd end = run_watched(program_, output_.fresh());
    status_ = end.status;
    if (status_ != 0) return outcome;
    bool strict = false;
    if (end.record) {
      outcome.record = end.record->path;
      std::string error;
      if (auto loaded = load_report(end.record->path, {}, cache_, error)) {
        strict = loaded->strict;
        outcome.report = std::move(loaded->report);
      } else {
        say_error("{}", show_deceptive(error));
      }
    }
    if (outcome.report && fails(*outcome.report, strict)) outcome.errors.push_back(verdict_of(*outcome.report));
    // What was found explains how it ended, but for a crash.
    if (const std::string ended = how_it_ended(end.child, outcome.report);
        !ended.empty() && (outcome.errors.empty() || WIFSIGNALED(end.child.wait_status)))
      outcome.errors.push_back(ended);
    const int signal = WIFSIGNALED(end.child.wait_status) ? WTERMSIG(end.child.wait_status) : 0;
    stopped_ = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;  // meant for us as well
    return outcome;
  }

  static void forget(const Outcome& outcome) {
    if (!outcome.record.empty()) ::unlink(outcome.record.c_str());
  }

  // False: as a seed before.
  bool tell(const Outcome& outcome, std::uint64_t seed) {
    std::string what;
    for (const std::string& error : outcome.errors) what += (what.empty() ? "" : "; ") + error;
    if (++times_[what] > 1) return false;
    output_.show();
    fmt::print("vigil: seed {}, run {} of {}: {}\n", seed, done_, program_.arguments.runs, show_deceptive(what));
    const std::string report =
        outcome.report ? write_reports(*outcome.report, outcome.record, formats_) : std::string();
    if (!report.empty()) fmt::print("vigil: report: {}\n", show_deceptive(report));
    if (first_report_.empty()) first_report_ = report;
    if (!stopped_)
      fmt::print("vigil: the same seed gave it again in {} of {} runs\n", repeats(outcome, seed), kRepeats);
    fmt::print("vigil: again: {}\n", show_deceptive(command("vigil run --schedule=random", seed)));
    std::fflush(stdout);
    return true;
  }

  int repeats(const Outcome& first, std::uint64_t seed) {
    int same = 0;
    for (int i = 0; i < kRepeats && status_ == 0 && !stopped_; ++i) {
      const Outcome next = once(seed);
      if (next.errors == first.errors) ++same;
      forget(next);
    }
    return same;
  }

  // The verb with a seed and all that was said besides.
  [[nodiscard]] std::string command(std::string_view verb, std::uint64_t seed) const {
    std::string line = fmt::format("{} --seed={}", verb, seed);
    for (const auto& [name, value] : program_.arguments.options)
      if (name != "seed" && name != "schedule") line += " " + shell_word(fmt::format("--{}={}", name, value));
    line += " --";
    for (const std::string& word : program_.arguments.command) line += " " + shell_word(word);
    return line;
  }

  [[nodiscard]] std::string explore_from(std::uint64_t seed) const {
    return command(fmt::format("vigil explore --runs={}", program_.arguments.runs), seed);
  }

  [[nodiscard]] int conclude() const {
    const std::string runs = fmt::format("{} run{}", done_, done_ == 1 ? "" : "s");
    const std::uint64_t next_seed = first_seed_ + done_;
    if (failed_ == 0) {
      tell_end(Colour::Good,
               fmt::format("vigil: nothing found in {}, seeds {} to {}", runs, first_seed_, next_seed - 1), "",
               fmt::format("other seeds: {}", explore_from(next_seed)));
      return kClean;
    }
    if (program_.arguments.all) {
      for (const auto& [what, count] : times_) fmt::print("vigil: {:>6} x {}\n", count, show_deceptive(what));
    }
    const bool is_page = first_report_.ends_with(".html");
    tell_end(Colour::Bad, fmt::format("vigil: {} of {} failed", failed_, runs), first_report_,
             is_page ? fmt::format("open {} in a browser", shell_word(first_report_))
                     : fmt::format("other seeds: {}", explore_from(next_seed)));
    return kErrorsFound;
  }

  WatchedProgram program_;
  const std::uint64_t first_seed_;
  std::string formats_;
  std::string first_report_;  // of the first run that failed; "" while there is none
  CapturedOutput output_;
  ModuleCache cache_;                           // every run is of the same program
  std::map<std::string, std::uint64_t> times_;  // what went wrong, and in how many runs
  std::uint64_t done_ = 0;
  std::uint64_t failed_ = 0;
  int status_ = 0;  // not 0: the program cannot be run
  bool stopped_ = false;
};

std::uint64_t first_seed(const OptionMap& options) {
  const std::string given = option_text(options, "seed", "0");
  const std::uint64_t seed = std::strtoull(given.c_str(), nullptr, 10);
  return seed != 0 ? seed : 1 + std::random_device()() % kMostSeed;
}

}  // namespace

int explore_program(const std::vector<std::string>& words, const CommandLine& line) {
  std::string error;
  const auto arguments = parse_run_arguments(words, error, RunVerb::Explore);
  if (!arguments) {
    say_error("{} (vigil explore --help lists them)", show_deceptive(error));
    return kUsage;
  }
  if (arguments->help) {
    fmt::print("{}", line.help_of("explore"));
    return kClean;
  }
  if (arguments->command.empty()) {
    say_error("which program? vigil explore [options] -- program [arguments]");
    return kUsage;
  }
  int status = 0;
  auto program = prepare(*arguments, status);
  if (!program) return status;
  const std::uint64_t seed = first_seed(program->options);
  return Explorer(std::move(*program), seed).run();
}

Action add_explore_command(CommandLine& line) {
  describe_run(line.add_verb("explore", "Run a program under many random schedules until one fails"), RunVerb::Explore);
  return [] { return kUsage; };
}

}  // namespace vigil::reports
