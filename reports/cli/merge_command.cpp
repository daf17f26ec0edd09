// vigil merge: many runs as one report, their findings joined by fingerprint; as a page, an index of the runs on top.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/model/finish.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/sources.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/html/page.hpp"
#include "reports/render/json.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

namespace fs = std::filesystem;

struct MergeArguments {
  std::vector<std::string> inputs;
  std::string out;
};

bool is_report_file(const fs::path& path) { return path.extension() == ".json" || path.extension() == ".jsonl"; }

// Every run once: its written report, or its record when there is no report (the program was killed).
std::vector<fs::path> find_runs(const MergeArguments& arguments, std::vector<std::string>& problems) {
  std::vector<fs::path> found;
  for (const std::string& input : arguments.inputs) {
    std::error_code problem;
    if (fs::is_directory(input, problem)) {
      for (fs::recursive_directory_iterator at(input, fs::directory_options::skip_permission_denied, problem), end;
           !problem && at != end; at.increment(problem)) {
        if (at->is_regular_file(problem) && is_report_file(at->path())) found.push_back(at->path());
      }
    } else if (fs::exists(input, problem)) {
      found.emplace_back(input);
    } else {
      problems.push_back(fmt::format("there is no {}", input));
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  const std::vector<fs::path> all = found;
  std::erase_if(found, [&](const fs::path& path) {
    fs::path report = path;
    return path.extension() == ".jsonl" &&
           std::binary_search(all.begin(), all.end(), report.replace_extension(".json"));
  });
  std::error_code unused;
  std::erase_if(found, [&](const fs::path& path) { return fs::equivalent(path, arguments.out, unused); });
  return found;
}

// A path as a relative link: everything but plain characters in percent form.
std::string link_to(const fs::path& path) {
  std::string link;
  for (const char c : path.generic_string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '/' || c == '~';
    link += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return link;
}

IndexEntry entry_of(const fs::path& file, const fs::path& out_folder, const Report& report) {
  const Summary summary = summary_of(report);
  IndexEntry entry;
  entry.verdict = verdict_of(report);
  entry.errors = summary.errors;
  entry.warnings = summary.warnings;
  entry.how_it_ended = end_of(report.program);
  entry.command = command_words(report.program);
  // The test's folder says more than the program's name, which many tests may share.
  const fs::path relative = fs::absolute(file).lexically_normal().lexically_relative(out_folder);
  const std::string program = fs::path(report.program.path).filename().string();
  const std::string folder = relative.parent_path().generic_string();
  entry.name =
      folder.empty() || relative.parent_path().filename() == program ? program : fmt::format("{}: {}", folder, program);
  fs::path page = relative;
  page.replace_extension(".html");
  std::error_code unused;
  if (fs::exists(out_folder / page, unused)) entry.link = "./" + link_to(page);
  return entry;
}

// Adds a run's findings and graphs. What belongs to one process alone stays the first one's.
void add_run(Report& merged, Report report, bool first) {
  if (first) {
    merged = std::move(report);
    return;
  }
  merged.tasks.started += report.tasks.started;
  merged.tasks.finished += report.tasks.finished;
  merged.tasks.peak_alive = std::max(merged.tasks.peak_alive, report.tasks.peak_alive);
  merged.tasks.alive_at_end += report.tasks.alive_at_end;
  merged.suppressed += report.suppressed;
  std::move(report.findings.begin(), report.findings.end(), std::back_inserter(merged.findings));
  join_equal_findings(merged.findings);
}

// Findings name their runs by number: those move along.
void worst_first(std::vector<IndexEntry>& entries, Report& merged) {
  std::vector<std::uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(entries[a].errors != 0, entries[a].warnings != 0) >
           std::pair(entries[b].errors != 0, entries[b].warnings != 0);
  });
  std::vector<IndexEntry> sorted;
  std::vector<std::uint32_t> place(entries.size());
  for (const std::uint32_t old : order) {
    place[old] = static_cast<std::uint32_t>(sorted.size());
    sorted.push_back(std::move(entries[old]));
  }
  entries = std::move(sorted);
  for (Finding& finding : merged.findings) {
    for (std::uint32_t& run : finding.runs) run = place[run];
    std::sort(finding.runs.begin(), finding.runs.end());
  }
}

int run_merge(const MergeArguments& arguments) {
  const bool as_json = arguments.out.ends_with(".json");
  if (!as_json && !arguments.out.ends_with(".html")) {
    spdlog::error("merge writes FILE.html or FILE.json, not {}", show_deceptive(arguments.out));
    return kUsage;
  }
  std::vector<std::string> problems;
  const fs::path out_folder = fs::absolute(arguments.out).lexically_normal().parent_path();
  Report merged;
  std::vector<IndexEntry> entries;
  for (const fs::path& file : find_runs(arguments, problems)) {
    std::string error;
    auto loaded = load_report(file.string(), "", error);
    if (!loaded) {
      problems.push_back(error);
      continue;
    }
    entries.push_back(entry_of(file, out_folder, loaded->report));
    for (Finding& finding : loaded->report.findings) finding.runs = {static_cast<std::uint32_t>(entries.size() - 1)};
    add_run(merged, std::move(loaded->report), entries.size() == 1);
  }
  sort_by_level(merged.findings);
  worst_first(entries, merged);
  if (entries.size() != 1) {
    merged.notes.clear();
    merged.state.clear();
    merged.lock_order = {};
    merged.wait_for = {};
    merged.program = {};
    merged.program.end = "exit";
  }
  for (const std::string& problem : problems) {
    spdlog::warn("{}", show_deceptive(problem));
    merged.notes.push_back(fmt::format("Left out: {}", problem));
  }
  std::string text;
  if (as_json) {
    std::ostringstream out;
    write_json(merged, out);
    text = std::move(out).str();
  } else {
    text = render_index_html(merged, entries, Sources::load(merged));
  }
  std::error_code problem;
  fs::create_directories(out_folder, problem);
  std::string error;
  if (!write_file(arguments.out, text, false, error)) {
    spdlog::error("{}", show_deceptive(error));
    return kFailed;
  }
  fmt::print("{} run{}: {} - {}\n", entries.size(), entries.size() == 1 ? "" : "s", show_deceptive(verdict_of(merged)),
             show_deceptive(arguments.out));
  return kClean;
}

}  // namespace

Action add_merge_command(CLI::App& app) {
  auto arguments = std::make_shared<MergeArguments>();
  CLI::App* command =
      app.add_subcommand("merge", "Join many runs into one report, equal findings into one with a count");
  command->add_option("inputs", arguments->inputs, "Reports (.json), records (.jsonl), or folders of them")
      ->required()
      ->type_name("FILE|DIR");
  command
      ->add_option("-o,--out", arguments->out, "OUT.html: an index of the runs and their findings; OUT.json: a report")
      ->required()
      ->type_name("FILE");
  return [arguments] { return run_merge(*arguments); };
}

}  // namespace vigil::reports
