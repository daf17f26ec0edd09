// vigil run: starts a program with the shim preloaded and makes sure that it really was watched.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reports/cli/child.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/cli/program_check.hpp"
#include "reports/cli/run_options.hpp"
#include "reports/load/record_file.hpp"
#include "reports/model/finish.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/utf8.hpp"

namespace vigil::reports {
namespace {

namespace fs = std::filesystem;

// Beside the command, in ../lib as in a build tree, or where an installation puts libraries.
std::string find_shim(const std::string& given) {
  if (!given.empty()) return fs::absolute(given).string();
  std::error_code problem;
  const fs::path folder = fs::read_symlink("/proc/self/exe", problem).parent_path();
  for (const fs::path& place : {folder, folder / "../lib", folder / ".." / VIGIL_INSTALL_LIBDIR}) {
    const fs::path path = place / "libvigil_shim.so";
    if (::access(path.c_str(), R_OK) == 0) return fs::weakly_canonical(path, problem).string();
  }
  return {};
}

std::string environment_value(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no other thread
  return value == nullptr ? std::string() : std::string(value);
}

struct RunRecord {
  std::string path;
  bool ended = false;
};

// The record of process pid in folder, made by this run; the newest when it became several programs by exec.
std::optional<RunRecord> find_record(const std::string& folder, pid_t pid, const timespec& since) {
  const std::string middle = fmt::format(".{}.", pid);
  std::optional<std::pair<std::pair<std::int64_t, std::int64_t>, std::string>> newest;
  std::error_code problem;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, problem)) {
    const std::string name = entry.path().filename().string();
    struct stat status {};
    if (!name.ends_with(".jsonl") || name.find(middle) == std::string::npos ||
        ::stat(entry.path().c_str(), &status) != 0)
      continue;
    const std::pair<std::int64_t, std::int64_t> when(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    if (when < std::pair<std::int64_t, std::int64_t>(since.tv_sec - 1, since.tv_nsec))
      continue;  // clocks of file systems are coarse
    if (!newest || newest->first < when) newest.emplace(when, entry.path().string());
  }
  if (!newest) return std::nullopt;
  std::string error;
  const auto record = read_record_file(newest->second, error);
  return RunRecord{newest->second, record && record->ended};
}

std::string joined(const std::set<std::string>& kinds) {
  std::string text;
  for (const std::string& kind : kinds) text += (text.empty() ? "" : ", ") + kind;
  return text.empty() ? "nothing" : text;
}

// The report of a finished run in the formats asked for; returns the path to tell.
std::string write_reports(const Report& report, const std::string& record, const std::string& formats) {
  std::string error;
  const auto list = parse_formats(formats, error);
  std::string told = record;
  if (!list) return told;
  for (const Format format : list->formats) {
    const std::string path = path_stem(record, "") + std::string(extension_of(format));
    if (!write_file(path, render(report, format), true, error)) {
      spdlog::error("{}", show_deceptive(error));
    } else if (told == record || format == Format::Html) {
      told = path;
    }
  }
  return told;
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
  for (const Finding& finding : report.findings) found.insert(finding.kind);
  std::set<std::string> missing;
  std::set<std::string> extra;
  std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(),
                      std::inserter(missing, missing.end()));
  std::set_difference(found.begin(), found.end(), allowed.begin(), allowed.end(), std::inserter(extra, extra.end()));
  if (missing.empty() && extra.empty()) return kClean;
  fmt::print(stderr, "vigil: expected {}, found {} - report: {}\n", joined(expected), joined(found),
             show_deceptive(where));
  if (!missing.empty()) fmt::print(stderr, "vigil: not found: {}\n", joined(missing));
  for (const Finding& finding : report.findings) {
    if (extra.contains(finding.kind))
      fmt::print(stderr, "vigil: not expected: {}: {}\n", finding.kind, show_deceptive(finding.title));
  }
  return kNotAsExpected;
}

ChildPlan plan_of(const RunArguments& arguments, const OptionMap& options, const std::string& path,
                  const std::string& shim) {
  ChildPlan plan;
  plan.path = path;
  plan.arguments = arguments.command;
  const std::string preload = environment_value("LD_PRELOAD");
  plan.environment.emplace_back("LD_PRELOAD", preload.empty() ? shim : fmt::format("{}:{}", shim, preload));
  if (!options.empty()) plan.environment.emplace_back("VIGIL_OPTIONS", format_options(options));
  return plan;
}

// After the program's end: the report, what it says, and the exit status.
int conclude(const RunArguments& arguments, const OptionMap& options, const ChildEnd& end, const timespec& started) {
  const std::string folder = option_text(options, "report_dir", "vigil-reports");
  const auto record = find_record(folder, end.pid, started);
  if (!record) {
    spdlog::error("the run left no record in {}", show_deceptive(folder));
    if (arguments.expect) return kFailed;
    end_like(end.wait_status);
  }
  std::string error;
  const std::string written = path_stem(record->path, "") + ".json";
  // The shim's own report is at hand, unless the program was killed before it could be made.
  const bool at_hand = record->ended && ::access(written.c_str(), R_OK) == 0;
  const auto loaded = load_report(at_hand ? written : record->path, "", error);
  if (!loaded) {
    spdlog::error("{}", show_deceptive(error));
    if (arguments.expect) return kFailed;
    end_like(end.wait_status);
  }
  Report report = loaded->report;
  std::string where = report_beside(record->path);
  if (!record->ended) {
    if (WIFSIGNALED(end.wait_status)) report.program.signal = WTERMSIG(end.wait_status);
    where = write_reports(report, record->path, option_text(options, "formats", "json,html"));
  }
  if (arguments.expect) return compare(arguments, report, where);
  // What the shim found it has told already.
  if (report.findings.empty() || !record->ended)
    fmt::print(stderr, "vigil: {} - report: {}\n", show_deceptive(verdict_of(report)), show_deceptive(where));
  const bool succeeded = WIFEXITED(end.wait_status) && WEXITSTATUS(end.wait_status) == 0;
  if (!record->ended && succeeded && fails(report, loaded->strict))
    return std::atoi(option_text(options, "exitcode", "66").c_str());
  end_like(end.wait_status);
}

}  // namespace

int run_program(const std::vector<std::string>& words, const CLI::App& app) {
  std::string error;
  const auto arguments = parse_run_arguments(words, error);
  if (!arguments) {
    spdlog::error("{} (vigil run --help lists them)", show_deceptive(error));
    return kUsage;
  }
  if (arguments->help) {
    fmt::print("{}", app.get_subcommand("run")->help());
    return kClean;
  }
  if (arguments->command.empty()) {
    spdlog::error("which program? vigil run [options] -- program [arguments]");
    return kUsage;
  }
  const std::string shim = find_shim(arguments->shim);
  if (shim.empty() || ::access(shim.c_str(), R_OK) != 0) {
    spdlog::error("cannot find libvigil_shim.so{}; the program was not started",
                  shim.empty() ? " beside this command or in ../lib" : fmt::format(" at {}", shim));
    return kShimDidNotStart;
  }
  if (shim.find_first_of(" :") != std::string::npos) {
    spdlog::error("the shim's path {} has a space or colon, which LD_PRELOAD cannot hold; the program was not started",
                  shim);
    return kShimDidNotStart;
  }
  const ProgramCheck check = check_program(arguments->command.front());
  if (check.status != 0) {
    spdlog::error("{}", show_deceptive(check.problem));
    return check.status;
  }
  OptionMap options = parse_options(environment_value("VIGIL_OPTIONS"));
  for (const auto& [name, value] : arguments->options) options[name] = value;

  timespec started{};
  ::clock_gettime(CLOCK_REALTIME, &started);
  const ChildEnd end = run_child(plan_of(*arguments, options, check.path, shim));
  if (end.exec_error != 0) {
    spdlog::error("cannot start {}: {}", show_deceptive(check.path), std::strerror(end.exec_error));
    return end.exec_error == ENOENT ? kNotFound : kCannotExecute;
  }
  if (!end.shim_answered) {
    spdlog::error(
        "{} ran without vigil's shim: the loader did not bring it in (its own message, if any, is above), so nothing "
        "was watched",
        show_deceptive(check.path));
    return kShimDidNotStart;
  }
  return conclude(*arguments, options, end, started);
}

Action add_run_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("run", "Run a program with the shim preloaded: vigil run [options] -- program [arguments]");
  std::string footer =
      "vigil run [--option=value ...] [--expect=kind,kind] [--may=kind,kind] -- program [arguments]\n\nOptions "
      "(default in brackets):\n";
  for (const RunOption& option : run_options())
    footer += fmt::format("  --{:<14} {} [{}]\n", option.name, option.help, option.otherwise);
  footer +=
      "  --expect         exit 0 when exactly these kinds are found, else 4; the program's own status does not count. "
      "Empty: nothing may be found\n"
      "  --may            kinds that may be found besides those of --expect\n"
      "  --shim           path of libvigil_shim.so, when it lies elsewhere\n\n"
      "The same options can stand in VIGIL_OPTIONS=\"name=value:name=value\"; those given here count.\n"
      "The program keeps its exit status; when that is 0 and errors were found it becomes exitcode.\n"
      "When a signal ended the program, vigil run dies of the same signal.\n";
  command->footer(footer);
  // Parsed by run_program: what follows the program's name is the program's own, options included.
  return [] { return kUsage; };
}

}  // namespace vigil::reports
