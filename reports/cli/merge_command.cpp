// vigil merge: many runs as one report, their findings joined by fingerprint; as a page, an index of the runs on top.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "reports/cli/command_line.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/inputs.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/cli/say.hpp"
#include "reports/cli/terminal.hpp"
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
  entry.errors = summary.new_errors;
  entry.warnings = summary.errors + summary.warnings - summary.new_errors;
  entry.how_it_ended = end_of(report.program);
  entry.command = command_words(report.program);
  // The test's folder says more than the program's name, which many tests may share.
  const fs::path relative = fs::absolute(file).lexically_normal().lexically_relative(out_folder);
  const fs::path known_as = report.program.path.empty() ? relative.stem() : fs::path(report.program.path).filename();
  const std::string folder = relative.parent_path().generic_string();
  entry.name = folder.empty() || relative.parent_path().filename() == known_as
                   ? known_as.string()
                   : fmt::format("{}: {}", folder, known_as.string());
  fs::path page = relative;
  page.replace_extension(".html");
  std::error_code unused;
  if (fs::exists(out_folder / page, unused)) entry.link = "./" + link_to(page);
  return entry;
}

// Reads the runs one after the other. Memory holds the different findings and a line for each run, never a whole file.
class Merger {
 public:
  explicit Merger(fs::path out_folder) : out_folder_(std::move(out_folder)) {}

  void add(const fs::path& file) {
    const auto number = static_cast<std::uint32_t>(entries_.size());
    Report outline;  // what the run's line in the index is made of
    const TakeFinding take = [&](Finding&& finding) {
      Finding& short_form = outline.findings.emplace_back();
      short_form.kind = finding.kind;
      short_form.level = finding.level;
      short_form.known = finding.known;
      finding.runs = {number};
      joiner_.add(std::move(finding));
    };
    std::string error;
    auto loaded = load_findings(file.string(), take, cache_, error);
    if (!loaded) {
      problems_.push_back(error);
      if (outline.findings.empty()) return;
      loaded.emplace();  // the file changed under our eyes: what came of it keeps its line
    }
    Report& report = loaded->report;
    report.findings = std::move(outline.findings);
    entries_.push_back(entry_of(file, out_folder_, report));
    report.findings.clear();
    if (number == 0) {
      merged_ = std::move(report);
    } else {
      add_totals(report);
    }
  }

  // The whole, without what belongs to one process alone when there were several.
  Report take(std::vector<IndexEntry>& entries) {
    merged_.findings = joiner_.take();
    sort_by_level(merged_.findings);
    if (entries_.size() != 1) {
      merged_.notes.clear();
      merged_.state.clear();
      merged_.lock_order = {};
      merged_.wait_for = {};
      merged_.options.clear();
      merged_.program = {};
      merged_.program.end = "exit";
    }
    entries = std::move(entries_);
    return std::move(merged_);
  }
  std::vector<std::string>& problems() noexcept { return problems_; }

 private:
  void add_totals(const Report& report) {
    merged_.tasks.started += report.tasks.started;
    merged_.tasks.finished += report.tasks.finished;
    merged_.tasks.peak_alive = std::max(merged_.tasks.peak_alive, report.tasks.peak_alive);
    merged_.tasks.alive_at_end += report.tasks.alive_at_end;
    merged_.suppressed += report.suppressed;
  }

  ModuleCache cache_;
  fs::path out_folder_;
  Report merged_;
  FindingJoiner joiner_;
  std::vector<IndexEntry> entries_;
  std::vector<std::string> problems_;
};

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
    say_error("merge writes FILE.html or FILE.json, not {}", show_deceptive(arguments.out));
    return kUsage;
  }
  Merger merger(fs::absolute(arguments.out).lexically_normal().parent_path());
  const std::vector<fs::path> runs = find_runs(arguments.inputs, arguments.out, merger.problems());
  // Whoever misspelt a folder must not take "nothing found" for an answer.
  const bool lacks_input = !merger.problems().empty();
  {
    Progress progress("merging", runs.size());
    for (const fs::path& file : runs) {
      merger.add(file);
      progress.step();
    }
  }
  std::vector<IndexEntry> entries;
  Report merged = merger.take(entries);
  worst_first(entries, merged);
  for (const std::string& problem : merger.problems()) {
    say("{}", show_deceptive(problem));
    merged.notes.push_back(fmt::format("Left out: {}", problem));
  }
  std::error_code problem;
  fs::create_directories(fs::absolute(arguments.out).parent_path(), problem);
  std::string error;
  const auto fill = [&](const TextOut& out) {
    if (as_json) return write_json(merged, out);
    out(render_index_html(merged, entries, Sources::load(merged)));
  };
  if (!write_file(arguments.out, false, error, fill)) {
    say_error("{}", show_deceptive(error));
    return kFailed;
  }
  const bool found = !merged.findings.empty();
  tell_end(colour_of(merged),
           fmt::format("{} run{}: {}", entries.size(), entries.size() == 1 ? "" : "s", verdict_of(merged)),
           arguments.out,
           !found    ? std::string()
           : as_json ? fmt::format("as a page: vigil report --formats=html {}", shell_word(arguments.out))
                     : fmt::format("open {} in a browser", shell_word(arguments.out)));
  return lacks_input ? kFailed : kClean;
}

}  // namespace

Action add_merge_command(CommandLine& line) {
  auto arguments = std::make_shared<MergeArguments>();
  line.add_verb("merge", "Join many runs into one report, equal findings into one with a count")
      .takes("inputs", arguments->inputs, "FILE|DIR", "Reports (.json), records (.jsonl), or folders of them",
             Need::Must)
      .takes("-o,--out", arguments->out, "FILE",
             "OUT.html: an index of the runs and their findings; OUT.json: a report", Need::Must)
      .footer(
          "Every run counts once: by its report, or by its record when it was killed before there was one. Exit status "
          "0 "
          "whatever the\nruns found.\n\n"
          "Examples:\n"
          "  vigil merge -o vigil-reports/index.html vigil-reports    a page over all runs, each with its findings\n"
          "  vigil merge -o main.json vigil-reports                   for vigil diff, and as a baseline\n");
  return [arguments] { return run_merge(*arguments); };
}

}  // namespace vigil::reports
