// vigil diff: what an older report and a newer one have in common, by fingerprint: what is new, fixed, still there.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/cli/command_line.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/inputs.hpp"
#include "reports/cli/make_report.hpp"
#include "reports/cli/say.hpp"
#include "reports/cli/terminal.hpp"
#include "reports/model/finish.hpp"
#include "reports/model/phrases.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

struct DiffArguments {
  std::string before;
  std::string after;
  bool as_json = false;
  bool strict = false;
  bool brief = false;
};

// The different findings of one side: of a report, a record, or a folder of them.
struct Side {
  std::vector<Finding> findings;
  Identities identities;
  std::size_t runs = 0;
};

// False when nothing of it can be read: a comparison with nothing would call everything new, or fixed.
bool read_side(const std::string& input, Side& side, ModuleCache& cache) {
  std::vector<std::string> problems;
  const auto files = find_runs(std::span(&input, 1), "", problems);
  FindingJoiner joiner;
  {
    Progress progress(fmt::format("reading {}:", input), files.size());
    for (const auto& file : files) {
      std::string error;
      const TakeFinding take = [&](Finding&& finding) {
        side.identities.insert(identity_of(finding));
        joiner.add(std::move(finding));
      };
      if (load_findings(file.string(), take, cache, error)) {
        ++side.runs;
      } else {
        problems.push_back(error);
      }
      progress.step();
    }
  }
  side.findings = joiner.take();
  if (side.runs == 0 && problems.empty()) problems.push_back(fmt::format("there is no report in {}", input));
  for (const std::string& problem : problems) say_error("{}", show_deceptive(problem));
  return problems.empty();
}

std::string_view level_of(const Finding& finding) noexcept {
  return finding.level == Level::Error ? "error" : "warning";
}

// "shop.cpp:12" of the first place in the user's own code, or "".
std::string place_of(const Finding& finding) {
  for (const Participant& participant : finding.participants) {
    if (const Frame* frame = first_user_frame(participant.stack)) return place_words(*frame);
  }
  return {};
}

class Difference {
 public:
  Difference(Side before, Side after) {
    for (Finding& finding : after.findings) {
      auto& list = before.identities.contains(identity_of(finding)) ? still_ : new_;
      list.push_back(std::move(finding));
    }
    for (Finding& finding : before.findings) {
      if (!after.identities.contains(identity_of(finding))) fixed_.push_back(std::move(finding));
    }
    for (auto* list : {&new_, &fixed_, &still_}) sort_by_level(*list);
  }

  [[nodiscard]] bool fails(bool strict) const {
    return std::any_of(new_.begin(), new_.end(),
                       [&](const Finding& finding) { return strict || finding.level == Level::Error; });
  }

  [[nodiscard]] std::string verdict() const {
    return fmt::format("{} new, {} fixed, {} still there", new_.size(), fixed_.size(), still_.size());
  }

  void show(bool brief) const {
    show("New", Colour::Bad, new_);
    show("Fixed", Colour::Good, fixed_);
    if (!brief) show("Still there", Colour::Warn, still_);
  }

  [[nodiscard]] std::string json() const {
    using Json = nlohmann::ordered_json;
    const auto list = [](const std::vector<Finding>& findings) {
      Json result = Json::array();
      for (const Finding& finding : findings) {
        result.push_back({{"kind", finding.kind},
                          {"level", level_of(finding)},
                          {"fingerprint", finding.fingerprint},
                          {"title", finding.title},
                          {"place", place_of(finding)},
                          {"count", finding.count}});
      }
      return result;
    };
    const Json json = {
        {"schema", "vigil-diff/1"}, {"new", list(new_)}, {"fixed", list(fixed_)}, {"still", list(still_)}};
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

 private:
  static void show(std::string_view title, Colour colour, const std::vector<Finding>& findings) {
    if (findings.empty()) return;
    fmt::print("{}\n", painted(stdout, colour, fmt::format("{} ({})", title, findings.size())));
    for (const Finding& finding : findings) {
      const std::string place = place_of(finding);
      fmt::print("  {:<7}  {}: {}\n           {}{}{}\n", level_of(finding), show_deceptive(finding.kind),
                 show_deceptive(finding.title), show_deceptive(place), place.empty() ? "" : "  ",
                 painted(stdout, Colour::Quiet, show_deceptive(finding.fingerprint)));
    }
  }

  std::vector<Finding> new_;
  std::vector<Finding> fixed_;
  std::vector<Finding> still_;
};

// The command that shows what is new with its stacks.
std::string next_after(const DiffArguments& arguments) {
  const bool folders =
      std::filesystem::is_directory(arguments.before) || std::filesystem::is_directory(arguments.after);
  if (folders) return fmt::format("all of it as a page: vigil merge -o index.html {}", shell_word(arguments.after));
  return fmt::format("with stacks: vigil report --formats=text --out=- --baseline={} {}", shell_word(arguments.before),
                     shell_word(arguments.after));
}

int run_diff(const DiffArguments& arguments) {
  for (const std::string& input : {arguments.before, arguments.after}) {  // before the other one is read at length
    std::error_code unused;
    if (std::filesystem::exists(input, unused)) continue;
    say_error("there is no {}", show_deceptive(input));
    return kFailed;
  }
  Side before;
  Side after;
  ModuleCache cache;
  const bool have_before = read_side(arguments.before, before, cache);
  if (!read_side(arguments.after, after, cache) || !have_before) return kFailed;
  const Difference difference(std::move(before), std::move(after));
  const bool failed = difference.fails(arguments.strict);
  if (arguments.as_json) {
    fmt::print("{}", difference.json());
  } else {
    difference.show(arguments.brief);
    tell_end(failed ? Colour::Bad : Colour::Good, difference.verdict(), "",
             failed ? next_after(arguments) : std::string());
  }
  return failed ? kErrorsFound : kClean;
}

}  // namespace

Action add_diff_command(CommandLine& line) {
  auto arguments = std::make_shared<DiffArguments>();
  line.add_verb("diff", "Say what is new, fixed and still there between two reports")
      .takes("old", arguments->before, "OLD", "A report (.json), a record (.jsonl), or a folder of them", Need::Must)
      .takes("new", arguments->after, "NEW", "The same, of a later run", Need::Must)
      .flag("--json", arguments->as_json, "Print the difference as JSON, for other programs")
      .flag("--brief", arguments->brief, "Leave out what is still there")
      .flag("--strict", arguments->strict, "New warnings count like new errors")
      .footer(
          "Findings are the same when kind and fingerprint are: moved lines, another machine or another address change "
          "nothing.\nExit status: 0 no new error, 3 new errors, 1 something could not be read.\n\n"
          "Examples:\n"
          "  vigil diff main.json branch.json          two merged reports\n"
          "  vigil diff old/vigil-reports vigil-reports  all runs of two folders\n"
          "  vigil merge -o known.json vigil-reports   then let only what is new fail:\n"
          "  vigil run --baseline=known.json -- ./test\n");
  return [arguments] { return run_diff(*arguments); };
}

}  // namespace vigil::reports
