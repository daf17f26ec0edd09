// vigil suppress: the suppression lines of a report's findings, printed or added to a file of them.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reports/cli/command_line.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/inputs.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/cli/run_options.hpp"
#include "reports/cli/say.hpp"
#include "reports/cli/terminal.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/suppressions.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/forms.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

struct SuppressArguments {
  std::vector<std::string> inputs;
  std::vector<std::string> only;
  std::string out;
};

bool is_fingerprint(std::string_view text) noexcept {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Names among --only that are neither a kind nor a fingerprint. "" when there are none.
std::string complaint_about(const std::vector<std::string>& only) {
  for (const std::string& name : only) {
    if (is_fingerprint(name) || find_kind(name) != nullptr) continue;
    const std::string_view near = nearest_kind(name);
    return fmt::format("--only takes kinds of findings and fingerprints (16 hex digits), not '{}'{}", name,
                       near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
  return {};
}

bool is_wanted(const SuppressArguments& arguments, const Finding& finding) {
  if (arguments.only.empty()) return true;
  return std::any_of(arguments.only.begin(), arguments.only.end(),
                     [&](const std::string& name) { return name == finding.kind || name == finding.fingerprint; });
}

// A line that is shown to people and read by us: whatever the program's names hold, it stays one line.
std::string one_line(std::string_view text) {
  std::string line = show_deceptive(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

struct Lines {
  std::string text;
  std::size_t count = 0;
  std::size_t silenced = 0;  // findings that a line silences already
  std::size_t without = 0;   // findings nothing can be said of: no frame has a name
};

void add_line(const Finding& finding, Suppressions& rules, Lines& lines) {
  if (rules.match(finding)) {
    ++lines.silenced;
  } else if (finding.suppression.empty()) {
    ++lines.without;
  } else {
    rules.add(finding.suppression, "");
    ++lines.count;
    lines.text +=
        fmt::format("# {} [{}]\n{}\n", one_line(plain_words(finding.title)), finding.fingerprint, finding.suppression);
  }
}

// The file's text, "" when there is none yet. False when it is there and cannot be read.
bool read_rules(const std::string& path, std::string& text) {
  std::error_code problem;
  if (path.empty() || !std::filesystem::exists(path, problem)) return true;
  if (!std::filesystem::is_regular_file(path, problem)) return false;  // a device may never end
  std::ifstream in(path, std::ios::binary);
  text.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  return static_cast<bool>(in);
}

int write_or_print(const SuppressArguments& arguments, std::string before, const Lines& lines) {
  const auto words = [](std::size_t count, std::string_view what) {
    return count == 0 ? std::string() : fmt::format(", {} {}", count, what);
  };
  const std::string besides =
      words(lines.silenced, "silenced already") + words(lines.without, "without a name to suppress by");
  if (arguments.out.empty()) {
    fmt::print("{}", lines.text);
    if (!besides.empty()) say("{} line{}{}", lines.count, lines.count == 1 ? "" : "s", besides);
    return kClean;
  }
  if (lines.count != 0) {
    if (!before.empty() && !before.ends_with('\n')) before += '\n';
    std::string error;
    if (!write_file(arguments.out, before + lines.text, false, error)) {
      say_error("{}", show_deceptive(error));
      return kFailed;
    }
  }
  tell_end(Colour::Plain, fmt::format("{} line{} added{}", lines.count, lines.count == 1 ? "" : "s", besides),
           arguments.out, fmt::format("vigil run --suppressions={} -- program", shell_word(arguments.out)));
  return kClean;
}

int run_suppress(const SuppressArguments& arguments) {
  if (const std::string wrong = complaint_about(arguments.only); !wrong.empty()) {
    say_error("{}", show_deceptive(wrong));
    return kUsage;
  }
  std::string before;
  if (!read_rules(arguments.out, before)) {
    say_error("cannot read {}", show_deceptive(arguments.out));
    return kFailed;
  }
  Suppressions rules;
  rules.add(before, arguments.out);
  std::vector<std::string> problems;
  ModuleCache cache;
  Lines lines;
  for (const auto& file : find_runs(arguments.inputs, "", problems)) {
    std::string error;
    const TakeFinding take = [&](const Finding& finding) {
      if (is_wanted(arguments, finding)) add_line(finding, rules, lines);
    };
    if (!load_findings(file.string(), take, cache, error)) problems.push_back(error);
  }
  for (const std::string& problem : problems) say_error("{}", show_deceptive(problem));
  const int status = write_or_print(arguments, std::move(before), lines);
  return problems.empty() ? status : kFailed;
}

}  // namespace

Action add_suppress_command(CommandLine& line) {
  auto arguments = std::make_shared<SuppressArguments>();
  line.add_verb("suppress", "Write the lines that keep the findings of a report quiet from now on")
      .takes("inputs", arguments->inputs, "FILE|DIR", "Reports (.json), records (.jsonl), or folders of them",
             Need::Must)
      .takes("--only", arguments->only, "KIND|FINGERPRINT", "Only findings of these kinds, or with these fingerprints")
      .takes("-o,--out", arguments->out, "FILE",
             "File of suppressions that the lines are added to, without those it has already; default: print them")
      .footer(
          "A suppression silences its place for good: mend what you can, and use a baseline (vigil diff --help) for "
          "what "
          "is to be\nmended later.\n\n"
          "Examples:\n"
          "  vigil suppress vigil-reports/test.42.json                      print the lines\n"
          "  vigil suppress -o vigil.supp --only=long-block vigil-reports   add those of one kind to a file\n"
          "  vigil run --suppressions=vigil.supp -- ./test                  and use it\n");
  return [arguments] { return run_suppress(*arguments); };
}

}  // namespace vigil::reports
