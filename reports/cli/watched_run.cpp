#include "reports/cli/watched_run.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>

#include "reports/cli/exit_codes.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/cli/program_check.hpp"
#include "reports/cli/program_facts.hpp"
#include "reports/cli/say.hpp"
#include "reports/load/record_file.hpp"
#include "reports/model/utf8.hpp"

namespace vigil::reports {
namespace {

namespace fs = std::filesystem;

std::string environment_value(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no other thread
  return value == nullptr ? std::string() : std::string(value);
}

struct FoundRecord {
  std::pair<std::int64_t, std::int64_t> when;  // seconds and nanoseconds
  std::string path;
};

// The records in folder that are not older than this run, in the order of their paths.
std::vector<FoundRecord> records_since(const std::string& folder, const timespec& since) {
  std::vector<FoundRecord> found;
  std::error_code problem;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, problem)) {
    struct stat status {};
    if (entry.path().extension() != ".jsonl" || ::stat(entry.path().c_str(), &status) != 0) continue;
    const std::pair<std::int64_t, std::int64_t> when(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    // clocks of file systems are coarse
    if (when >= std::pair<std::int64_t, std::int64_t>(since.tv_sec - 1, since.tv_nsec))
      found.push_back({when, entry.path().string()});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return found;
}

// What the run has left in folder: the record of process pid (the newest, when it became several programs by exec), and
// those of the processes that carry the run's name.
void find_records(WatchedEnd& end, const std::string& folder, const std::string& run, const timespec& since) {
  const std::vector<FoundRecord> found = records_since(folder, since);
  const std::string middle = fmt::format(".{}.", end.child.pid);
  const FoundRecord* newest = nullptr;
  for (const FoundRecord& each : found) {
    if (fs::path(each.path).filename().string().find(middle) == std::string::npos) continue;
    if (newest == nullptr || newest->when < each.when) newest = &each;
  }
  for (const FoundRecord& each : found) {
    std::string error;
    const auto record = read_record_file(each.path, error);
    if (&each == newest) {
      end.record = RunRecord{each.path, record && record->ended, record && record->replaced};
    } else if (record && record->run == run) {
      end.others.push_back({each.path, record->ended, record->replaced});
    }
  }
}

// The environment that lets the shim into every program that is started, on top of ours.
using Environment = std::vector<std::pair<std::string, std::string>>;
void let_in(const std::string& shim, Environment& environment) {
  const std::string preload = environment_value("LD_PRELOAD");
  environment.emplace_back("LD_PRELOAD", preload.empty() ? shim : fmt::format("{}:{}", shim, preload));
  // g++ links AddressSanitizer's runtime as a library, which ends a program that has another library in front of it.
  // All that it does it does behind the shim as well. In front of what the user says, so that the user's word is the
  // last.
  const std::string asan = environment_value("ASAN_OPTIONS");
  environment.emplace_back("ASAN_OPTIONS", fmt::format("verify_asan_link_order=0{}{}", asan.empty() ? "" : ":", asan));
  // A program that is audited has its thread-locals laid out before anything is preloaded: the shim's 4 KiB must then
  // come out of a reserve, which is 512 bytes unless it is asked for.
  if (environment_value("LD_AUDIT").empty()) return;
  const std::string tunables = environment_value("GLIBC_TUNABLES");
  environment.emplace_back(
      "GLIBC_TUNABLES", fmt::format("glibc.rtld.optional_static_tls=16384{}{}", tunables.empty() ? "" : ":", tunables));
}

// A name for one run that no other has at this time.
std::string name_of_run(const timespec& started) {
  return fmt::format("{}.{}.{}", ::getpid(), started.tv_sec, started.tv_nsec);
}

}  // namespace

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

ChildPlan plan_of(const WatchedProgram& program, int output) {
  ChildPlan plan;
  plan.path = program.path;
  plan.arguments = program.arguments.command;
  plan.output = output;
  const auto facts = facts_of_program(program.path);
  plan.has_fixed_addresses = facts && facts->needs_fixed_addresses(randomised_address_bits());
  let_in(program.shim, plan.environment);
  if (environment_value("VIGIL_COMMAND").empty()) {  // the shim given may lie anywhere
    std::error_code problem;
    plan.environment.emplace_back("VIGIL_COMMAND", fs::read_symlink("/proc/self/exe", problem).string());
  }
  if (!program.options.empty()) plan.environment.emplace_back("VIGIL_OPTIONS", format_options(program.options));
  return plan;
}

std::optional<WatchedProgram> prepare(const RunArguments& arguments, int& status) {
  const std::string shim = find_shim(arguments.shim);
  if (shim.empty() || ::access(shim.c_str(), R_OK) != 0) {
    say_error("cannot find libvigil_shim.so{}; the program was not started",
              shim.empty() ? " beside this command or in ../lib" : fmt::format(" at {}", shim));
    status = kShimDidNotStart;
    return std::nullopt;
  }
  if (shim.find_first_of(" :") != std::string::npos) {
    say_error(
        "the shim's path {} has a space or colon, which LD_PRELOAD cannot hold; the program was not started. Make "
        "a link to it where the path has none, and give that: --shim=LINK",
        shim);
    status = kShimDidNotStart;
    return std::nullopt;
  }
  const ProgramCheck check = check_program(arguments.command.front());
  if (check.status != 0) {
    say_error("{}", show_deceptive(check.problem));
    status = check.status;
    return std::nullopt;
  }
  OptionMap options = parse_options(environment_value("VIGIL_OPTIONS"));
  for (const auto& [name, value] : arguments.options) options[name] = value;
  // A run that takes minutes should not end in "cannot be read".
  for (const char* name : {"suppressions", "baseline"}) {
    const std::string file = option_text(options, name, "");
    if (file.empty() || ::access(file.c_str(), R_OK) == 0) continue;
    say_error("cannot read the file of option '{}': {}: {}; the program was not started", name, show_deceptive(file),
              std::strerror(errno));
    status = kUsage;
    return std::nullopt;
  }
  return WatchedProgram{arguments, std::move(options), check.path, shim};
}

WatchedEnd run_watched(const WatchedProgram& program, int output) {
  timespec started{};
  ::clock_gettime(CLOCK_REALTIME, &started);
  WatchedEnd end;
  ChildPlan plan = plan_of(program, output);
  const std::string run = name_of_run(started);
  plan.environment.emplace_back("VIGIL_RUN", run);
  end.child = run_child(plan);
  if (end.child.exec_error != 0) {
    say_error("cannot start {}: {}", show_deceptive(program.path), std::strerror(end.child.exec_error));
    end.status = end.child.exec_error == ENOENT ? kNotFound : kCannotExecute;
    return end;
  }
  if (!end.child.shim_answered) {
    say_error(
        "{} ran without vigil's shim: the loader did not bring it in (its own message, if any, is above), so nothing "
        "was watched",
        show_deceptive(program.path));
    end.status = kShimDidNotStart;
    return end;
  }
  find_records(end, option_text(program.options, "report_dir", "vigil-reports"), run, started);
  return end;
}

std::string write_reports(const Report& report, const std::string& record, const std::string& formats) {
  std::string error;
  const auto list = parse_formats(formats, error);
  std::string told = record;
  if (!list) return told;
  for (const Form* form : *list) {
    const std::string path = path_stem(record, "") + std::string(form->extension);
    if (!write_file(path, true, error, [&](const TextOut& out) { render(report, *form, out); })) {
      say_error("{}", show_deceptive(error));
    } else if (told == record || form->name == "html") {
      told = path;
    }
  }
  return told;
}

}  // namespace vigil::reports
