// vigil run: starts a program with the shim preloaded and makes sure that it really was watched.
#include <fmt/core.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reports/cli/child.hpp"
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

std::string joined(const std::set<std::string>& kinds) {
  std::string text;
  for (const std::string& kind : kinds) text += (text.empty() ? "" : ", ") + kind;
  return text.empty() ? "nothing" : text;
}

std::string report_beside(const std::string& record) {
  for (const char* extension : {".html", ".txt", ".json"}) {
    std::string path = path_stem(record, "") + extension;
    if (::access(path.c_str(), R_OK) == 0) return path;
  }
  return record;
}

// Whether the kinds found are those expected; says the difference.
int compare(const RunArguments& arguments, const Report& report, const std::string& where) {
  const std::set<std::string> expected(arguments.expect->begin(), arguments.expect->end());
  std::set<std::string> allowed(arguments.may.begin(), arguments.may.end());
  allowed.insert(expected.begin(), expected.end());
  std::set<std::string> found;
  for (const Finding& finding : report.findings) {
    found.insert(finding.kind);
    if (finding.known) allowed.insert(finding.kind);  // the baseline has it
  }
  std::set<std::string> missing;
  std::set<std::string> extra;
  std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(),
                      std::inserter(missing, missing.end()));
  std::set_difference(found.begin(), found.end(), allowed.begin(), allowed.end(), std::inserter(extra, extra.end()));
  if (missing.empty() && extra.empty()) return kClean;
  tell("vigil: expected {}, found {} - report: {}\n", joined(expected), joined(found), show_deceptive(where));
  if (!missing.empty()) tell("vigil: not found: {}\n", joined(missing));
  for (const Finding& finding : report.findings) {
    if (extra.contains(finding.kind))
      tell("vigil: not expected: {}: {}\n", finding.kind, show_deceptive(finding.title));
  }
  return kNotAsExpected;
}

// What the processes found that the program started in turn. Their shims have told it themselves, and have made their
// reports, but of those that were killed.
struct OthersFound {
  std::vector<Finding> findings;
  std::vector<std::string> records;  // of those that have findings
  std::string where;                 // the first one's report
  bool fails = false;
};

OthersFound look_at_others(const WatchedProgram& program, const std::vector<RunRecord>& others, ModuleCache& cache) {
  OthersFound found;
  for (const RunRecord& other : others) {
    const std::string written = path_stem(other.path, "") + ".json";
    std::string error;
    auto loaded =
        load_report(other.ended && ::access(written.c_str(), R_OK) == 0 ? written : other.path, {}, cache, error);
    if (!loaded) {
      say_error("{}", show_deceptive(error));
      continue;
    }
    Report& report = loaded->report;
    if (!other.ended && !report.findings.empty()) {
      const std::string where = write_reports(report, other.path, option_text(program.options, "formats", "json,html"));
      tell("vigil: process {}: {} - report: {}\n", report.program.pid,
           painted(stderr, colour_of(report), show_deceptive(verdict_of(report))), show_deceptive(where));
    }
    if (!report.findings.empty()) {
      found.records.push_back(other.path);
      if (found.where.empty()) found.where = report_beside(other.path);
    }
    found.fails = found.fails || fails(report, loaded->strict);
    std::move(report.findings.begin(), report.findings.end(), std::back_inserter(found.findings));
  }
  return found;
}

void say_how_to_read(const std::string& where, const std::string& records) {
  tell("vigil: next: {}vigil report --formats=text --out=- {}\n",
       where.ends_with(".html") ? "open the report in a browser, or read it here: " : "", show_deceptive(records));
}

// The last words of a run in which processes that the program started found something: of all processes together.
void say_of_all(Report all, const RunRecord& own, const OthersFound& others, const std::string& folder) {
  constexpr std::size_t kMostNamed = 3;
  std::vector<std::string> records = others.records;
  if (!all.findings.empty()) records.insert(records.begin(), own.path);
  const std::string where = records.front() == own.path ? report_beside(own.path) : others.where;
  all.findings.insert(all.findings.end(), others.findings.begin(), others.findings.end());
  const std::string verdict = painted(stderr, colour_of(all), show_deceptive(verdict_of(all)));
  if (records.size() == 1) {
    tell("vigil: the whole run: {} - report: {}\n", verdict, show_deceptive(where));
  } else {
    tell("vigil: the whole run: {} - in {} processes, reports in {}\n", verdict, records.size(),
         show_deceptive(folder));
  }
  if (records.size() > kMostNamed) {
    tell("vigil: next: join the reports in one page: vigil merge -o all.html {}\n", show_deceptive(shell_word(folder)));
    return;
  }
  for (std::string& record : records) record = shell_word(record);
  say_how_to_read(records.size() == 1 ? where : "", fmt::format("{}", fmt::join(records, " ")));
}

// After the program's end: the report, what it says, and the exit status.
int conclude(const WatchedProgram& program, const WatchedEnd& watched) {
  const RunArguments& arguments = program.arguments;
  const OptionMap& options = program.options;
  const ChildEnd& end = watched.child;
  const std::optional<RunRecord>& record = watched.record;
  if (!record) {
    say_error("the run left no record in {}", show_deceptive(option_text(options, "report_dir", "vigil-reports")));
    if (arguments.expect) return kFailed;
    end_like(end.wait_status);
  }
  std::string error;
  const std::string written = path_stem(record->path, "") + ".json";
  // The shim's own report is at hand, unless the program was killed before it could be made.
  const bool at_hand = record->ended && ::access(written.c_str(), R_OK) == 0;
  ModuleCache cache;
  const auto loaded = load_report(at_hand ? written : record->path, {"", "", true}, cache, error);
  if (!loaded) {
    say_error("{}", show_deceptive(error));
    if (arguments.expect) return kFailed;
    end_like(end.wait_status);
  }
  Report report = loaded->report;
  std::string where = report_beside(record->path);
  if (!record->ended) {
    if (WIFSIGNALED(end.wait_status)) report.program.signal = WTERMSIG(end.wait_status);
    where = write_reports(report, record->path, option_text(options, "formats", "json,html"));
  }
  OthersFound others = look_at_others(program, watched.others, cache);
  if (arguments.expect) {
    std::move(others.findings.begin(), others.findings.end(), std::back_inserter(report.findings));
    return compare(arguments, report, where);
  }
  // What the shim found it has told already; it is silent when nothing is left to count.
  const bool fails_now = fails(report, loaded->strict);
  const bool is_untold = !record->ended || counts_of(report).empty();
  if (report.findings.empty() ? others.findings.empty() : is_untold) {
    tell("vigil: {} - report: {}\n", painted(stderr, colour_of(report), show_deceptive(verdict_of(report))),
         show_deceptive(where));
  }
  // A run that was not watched must not look like a clean one.
  if (record->replaced) {
    tell(
        "vigil: it became another program by exec, which left no record: that one had no second thread, or ran "
        "without the shim (is LD_PRELOAD still set?)\n");
  }
  if (!others.findings.empty()) {
    say_of_all(std::move(report), *record, others, option_text(options, "report_dir", "vigil-reports"));
  } else if (!report.findings.empty()) {
    say_how_to_read(where, shell_word(record->path));
  } else {
    std::string again;
    for (const std::string& word : arguments.command) again += " " + shell_word(word);
    tell("vigil: next: another order of events may show more: vigil explore --{}\n", show_deceptive(again));
  }
  const bool succeeded = WIFEXITED(end.wait_status) && WEXITSTATUS(end.wait_status) == 0;
  const bool untold = (!record->ended && fails_now) || others.fails;
  if (succeeded && untold) return std::atoi(option_text(options, "exitcode", "66").c_str());
  end_like(end.wait_status);
}

}  // namespace

int run_program(const std::vector<std::string>& words, const CommandLine& line) {
  std::string error;
  const auto arguments = parse_run_arguments(words, error);
  if (!arguments) {
    say_error("{} (vigil run --help lists them)", show_deceptive(error));
    return kUsage;
  }
  if (arguments->help) {
    fmt::print("{}", line.help_of("run"));
    return kClean;
  }
  if (arguments->command.empty()) {
    say_error("which program? vigil run [options] -- program [arguments]");
    return kUsage;
  }
  int status = 0;
  const auto program = prepare(*arguments, status);
  if (!program) return status;
  const WatchedEnd end = run_watched(*program);
  return end.status != 0 ? end.status : conclude(*program, end);
}

Action add_run_command(CommandLine& line) {
  describe_run(line.add_verb("run", "Run a program with the shim preloaded and say what was found"), RunVerb::Run);
  // Parsed by run_program: what follows the program's name is the program's own, options included.
  return [] { return kUsage; };
}

}  // namespace vigil::reports
