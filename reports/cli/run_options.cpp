#include "reports/cli/run_options.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "reports/cli/make_report.hpp"
#include "reports/model/kind.hpp"

namespace vigil::reports {
namespace {

constexpr std::array<RunOption, 24> kOptions{{
    {"report_dir", OptionType::Text, "vigil-reports", "folder for record files and reports"},
    {"formats", OptionType::Formats, "json,html",
     "reports made at the end: json html text sarif junit gitlab dot tsan pprof perfetto"},
    {"exitcode", OptionType::ExitCode, "66",
     "exit status when the program's own is 0 and there are errors; 0 keeps the program's"},
    {"strict", OptionType::Flag, "0", "1: warnings count like errors"},
    {"halt_on_error", OptionType::Flag, "0", "1: end the program at the first error"},
    {"detect", OptionType::Text, "default", "kinds of findings: all, none, +kind, -kind, or the only ones wanted"},
    {"dedup", OptionType::Flag, "1", "0: keep equal findings apart"},
    {"suppressions", OptionType::Text, "", "file of findings to keep quiet, in ThreadSanitizer's format"},
    {"log_level", OptionType::LogLevel, "off", "the shim's own log: off error warn info debug trace"},
    {"log_path", OptionType::Text, "", "file for the shim's own log; empty: standard error"},
    {"deadline", OptionType::Duration, "0",
     "report and end the program after this long (seconds, or 500ms, 2m ...); 0: never"},
    {"stall", OptionType::Duration, "0", "report and end a program in which nothing moved for this long; 0: never"},
    {"long_block", OptionType::Duration, "200ms", "what long-block calls long"},
    {"cancel_grace", OptionType::Duration, "0",
     "how long a cancelled task may live on during the run; 0: look at the end only"},
    {"task_growth", OptionType::Count, "512",
     "how many live tasks of one place are task-growth, when they only ever grew"},
    {"timer_pile", OptionType::Count, "64",
     "how many timers that one task made at one place and forgot are a timer-leak; 0: any number"},
    {"busy_select", OptionType::Count, "1000",
     "how many defaults in a row, with nothing else done, are a busy-select; 0: any number"},
    {"closed_spin", OptionType::Count, "8",
     "how many receives in a row from a closed channel are a closed-channel-spin; 0: any number"},
    {"seed", OptionType::Count, "0", "seed of random schedules; 0: a new one each run"},
    {"schedule", OptionType::Schedule, "normal", "how tasks are scheduled: normal, random"},
    {"timeline", OptionType::Flag, "0", "1: keep the events before each finding"},
    {"baseline", OptionType::Text, "", "an older report: what it has is not new"},
    {"command", OptionType::Text, "", "path of the vigil command that makes the report; empty: looked for"},
    {"help", OptionType::Flag, "0", "1: the shim prints this list"},
}};

bool is_flag_value(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 8> kValues{"0", "1", "true", "false", "yes", "no", "on", "off"};
  return std::find(kValues.begin(), kValues.end(), text) != kValues.end();
}

bool is_count(std::string_view text, std::uint64_t most) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value <= most;
}

// Of texts that are such values.
bool flag_of(std::string_view text) noexcept { return text == "1" || text == "true" || text == "yes" || text == "on"; }
std::uint64_t count_of(std::string_view text) noexcept {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_duration(std::string_view text) noexcept {
  const std::size_t digits = text.find_first_not_of("0123456789.");
  const std::string_view number = text.substr(0, digits);
  const std::string_view unit = digits == std::string_view::npos ? std::string_view() : text.substr(digits);
  constexpr std::array<std::string_view, 7> kUnits{"", "s", "ms", "us", "ns", "m", "h"};
  return !number.empty() && number.front() != '.' && std::count(number.begin(), number.end(), '.') <= 1 &&
         std::find(kUnits.begin(), kUnits.end(), unit) != kUnits.end();
}

bool is_value_of(OptionType type, std::string_view text) {
  switch (type) {
    case OptionType::Flag:
      return is_flag_value(text);
    case OptionType::Count:
      return is_count(text, UINT64_MAX);
    case OptionType::ExitCode:
      return is_count(text, 255);
    case OptionType::Duration:
      return is_duration(text);
    case OptionType::Text:
      return true;
    case OptionType::Formats: {
      std::string unused;
      return parse_formats(text, unused).has_value();
    }
    case OptionType::LogLevel: {
      constexpr std::array<std::string_view, 6> kLevels{"off", "error", "warn", "info", "debug", "trace"};
      return std::find(kLevels.begin(), kLevels.end(), text) != kLevels.end();
    }
    case OptionType::Schedule:
      return text == "normal" || text == "random";
  }
  return false;
}

// Options that are the verb's own and not the shim's.
std::span<const std::string_view> own_options(RunVerb verb) noexcept {
  static constexpr std::array<std::string_view, 3> kRun{"expect", "may", "shim"};
  static constexpr std::array<std::string_view, 3> kExplore{"runs", "all", "shim"};
  return verb == RunVerb::Run ? kRun : kExplore;
}

// Kinds separated by commas. False, with error set, when one does not exist.
bool read_kinds(std::string_view text, std::vector<std::string>& kinds, std::string& error) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (name.empty()) continue;
    if (find_kind(name) == nullptr) {
      const std::string_view near = nearest_kind(name);
      error = fmt::format("no kind of finding is called '{}'{}", name,
                          near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
      return false;
    }
    kinds.emplace_back(name);
  }
  return true;
}

// Edit distance with neighbours swapped counted once.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      cost[i][j] =
          std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::span<const RunOption> run_options() noexcept { return kOptions; }

std::string_view nearest(std::string_view wrong, std::span<const std::string_view> names) {
  constexpr std::size_t kLongest = 64;
  if (wrong.size() > kLongest) return {};
  std::size_t best = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  std::string_view found;
  for (const std::string_view name : names) {
    const std::size_t far = distance(wrong, name);
    if (far < best) {
      best = far;
      found = name;
    }
  }
  return found;
}

std::string_view nearest_kind(std::string_view wrong) {
  std::vector<std::string_view> names;
  for (const Kind& kind : all_kinds()) names.push_back(kind.name);
  return nearest(wrong, names);
}

std::optional<RunArguments> parse_run_arguments(std::span<const std::string> arguments, std::string& error,
                                                RunVerb verb) {
  RunArguments result;
  const std::span<const std::string_view> own = own_options(verb);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--") {
      result.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      return result;
    }
    if (argument == "-h" || argument == "--help") {
      result.help = true;
      return result;
    }
    if (!argument.starts_with('-')) {
      result.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      return result;
    }
    const std::size_t equals = argument.find('=');
    std::string name(argument.substr(0, equals));
    name.erase(0, name.starts_with("--") ? 2 : 1);
    std::replace(name.begin(), name.end(), '-', '_');  // --report-dir is meant as --report_dir
    const bool ours = argument.starts_with("--") && std::find(own.begin(), own.end(), name) != own.end();
    const auto* const option =
        std::find_if(kOptions.begin(), kOptions.end(), [&](const RunOption& o) { return o.name == name; });
    if (!ours && (option == kOptions.end() || !argument.starts_with("--"))) {
      std::vector<std::string_view> names(own.begin(), own.end());
      for (const RunOption& known : kOptions) names.push_back(known.name);
      const std::string_view near = nearest(name, names);
      error = fmt::format("there is no option '{}'{}", argument.substr(0, equals),
                          near.empty() ? "" : fmt::format("; did you mean '--{}'?", near));
      return std::nullopt;
    }
    const auto wrong = [&](const std::string& given, std::string_view help) {
      error = fmt::format("option '--{}' cannot be '{}' ({})", name, given, help);
      return std::nullopt;
    };
    std::string value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if ((ours ? name == "all" : option->type == OptionType::Flag) &&
               (i + 1 == arguments.size() || !is_flag_value(arguments[i + 1]))) {
      value = "1";
    } else if (i + 1 == arguments.size() || arguments[i + 1] == "--") {
      error = fmt::format("option '--{}' needs a value", name);
      return std::nullopt;
    } else {
      value = arguments[++i];
    }
    if (name == "expect") {
      if (!result.expect) result.expect.emplace();
      if (!read_kinds(value, *result.expect, error)) return std::nullopt;
    } else if (name == "may") {
      if (!read_kinds(value, result.may, error)) return std::nullopt;
    } else if (name == "shim") {
      result.shim = value;
    } else if (ours && name == "all") {
      if (!is_flag_value(value)) return wrong(value, "every run, whatever is found");
      result.all = flag_of(value);
    } else if (ours && name == "runs") {
      if (!is_count(value, UINT64_MAX) || value == "0") return wrong(value, "how many, at least 1");
      result.runs = count_of(value);
    } else if (!is_value_of(option->type, value)) {
      return wrong(value, option->help);
    } else {
      result.options[name] = value;
    }
  }
  return result;
}

}  // namespace vigil::reports
