#include "interpose/options.hpp"

#include <sys/random.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "interpose/fixed_text.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/say.hpp"

namespace vigil::shim {
namespace {

bool parse(std::string_view text, bool& out) noexcept {
  for (const std::string_view yes : {"1", "true", "yes", "on"}) {
    if (text == yes) return out = true;
  }
  for (const std::string_view no : {"0", "false", "no", "off"}) {
    if (text == no) return !(out = false);
  }
  return false;
}

bool parse(std::string_view text, std::uint64_t& out) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  out = value;
  return true;
}

bool parse(std::string_view text, ExitCode& out) noexcept {
  std::uint64_t value = 0;
  if (!parse(text, value) || value > 255) return false;
  out.value = static_cast<int>(value);
  return true;
}

// "1.5", "1.5s", "200ms", "50us", "10ns", "2m", "1h": a bare number is seconds.
bool parse(std::string_view text, Duration& out) noexcept {
  std::uint64_t whole = 0;
  const char* const stop = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), stop, whole);
  if (error != std::errc{}) return false;
  double value = static_cast<double>(whole);
  if (at != stop && *at == '.') {
    double unit = 0.1;
    for (++at; at != stop && *at >= '0' && *at <= '9'; ++at, unit /= 10) value += unit * (*at - '0');
  }
  const std::string_view suffix(at, static_cast<std::size_t>(stop - at));
  struct Unit {
    std::string_view name;
    double ns;
  };
  constexpr std::array<Unit, 7> kUnits{
      {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"m", 60e9}, {"h", 3600e9}}};
  const auto unit = std::ranges::find(kUnits, suffix, &Unit::name);
  if (unit == kUnits.end() || value * unit->ns > 9e18) return false;
  const double ns = value * unit->ns;
  out.ns = static_cast<std::int64_t>(ns);
  if (ns - static_cast<double>(out.ns) >= 0.5) ++out.ns;
  return true;
}

bool parse(std::string_view text, std::string_view& out) noexcept {
  out = text;
  return true;
}

bool parse(std::string_view text, LogLevel& out) noexcept {
  constexpr std::array<std::string_view, 6> kNames{"off", "error", "warn", "info", "debug", "trace"};
  const auto found = std::ranges::find(kNames, text);
  if (found == kNames.end()) return false;
  out = static_cast<LogLevel>(found - kNames.begin());
  return true;
}

bool parse(std::string_view text, Schedule& out) noexcept {
  if (text != "normal" && text != "random") return false;
  out = text == "random" ? Schedule::Random : Schedule::Normal;
  return true;
}

// Calls visit for each comma-separated word until it says false; returns whether it never did.
template <class Visit>
bool each_word(std::string_view text, Visit visit) noexcept {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (!visit(text.substr(0, end))) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

bool parse(std::string_view text, Formats& out) noexcept {
  constexpr std::array<std::string_view, 10> kKnown{"json",   "html", "text", "sarif", "junit",
                                                    "gitlab", "dot",  "tsan", "pprof", "perfetto"};
  const bool good =
      each_word(text, [&](std::string_view word) { return std::ranges::find(kKnown, word) != kKnown.end(); });
  if (good) out.text = text;
  return good;
}

KindSet default_kinds() noexcept {
  KindSet set;
  for (std::size_t i = 0; i < kKinds.size(); ++i) set[i] = kKinds[i].on_by_default;
  return set;
}

// Words from left to right: all, none, default; +kind and -kind change the set; a bare first kind means only those
// named.
bool parse(std::string_view text, KindSet& out) noexcept {
  KindSet set = default_kinds();
  bool first = true;
  const bool good = each_word(text, [&](std::string_view word) {
    const bool was_first = std::exchange(first, false);
    if (word == "all") return set.set(), true;
    if (word == "none") return set.reset(), true;
    if (word == "default") return set = default_kinds(), true;
    const bool removes = word.starts_with('-');
    const bool is_signed = removes || word.starts_with('+');
    const auto kind = std::ranges::find(kKinds, is_signed ? word.substr(1) : word, &KindInfo::name);
    if (kind == kKinds.end()) return false;
    if (!is_signed && was_first) set.reset();
    set[static_cast<std::size_t>(kind - kKinds.begin())] = !removes;
    return true;
  });
  if (good) out = set;
  return good;
}

template <auto kMember>
bool set(Options& options, std::string_view value) noexcept {
  return parse(value, options.*kMember);
}

constexpr std::array<OptionInfo, 24> kTable{{
    {"report_dir", "vigil-reports", "folder for record files and reports", &set<&Options::report_dir>},
    {"formats", "json,html", "reports made at the end: json html text sarif junit gitlab dot tsan pprof perfetto",
     &set<&Options::formats>},
    {"exitcode", "66", "exit status when the program's own is 0 and there are errors; 0 keeps the program's",
     &set<&Options::exitcode>},
    {"strict", "0", "1: warnings count like errors", &set<&Options::strict>},
    {"halt_on_error", "0", "1: end the program at the first error", &set<&Options::halt_on_error>},
    {"detect", "default", "kinds of findings: all, none, +kind, -kind, or the only ones wanted",
     &set<&Options::detect>},
    {"dedup", "1", "0: keep equal findings apart", &set<&Options::dedup>},
    {"suppressions", "", "file of findings to keep quiet, in ThreadSanitizer's format", &set<&Options::suppressions>},
    {"log_level", "off", "vigil's own log: off error warn info debug trace", &set<&Options::log_level>},
    {"log_path", "", "file for vigil's own log; empty: standard error", &set<&Options::log_path>},
    {"deadline", "0", "report and end the program after this long (seconds, or 500ms, 2m ...); 0: never",
     &set<&Options::deadline>},
    {"stall", "0", "report and end a program in which nothing moved for this long; 0: never", &set<&Options::stall>},
    {"long_block", "200ms", "what long-block calls long", &set<&Options::long_block>},
    {"cancel_grace", "0", "how long a cancelled task may live on during the run; 0: look at the end only",
     &set<&Options::cancel_grace>},
    {"task_growth", "512", "how many live tasks of one place are task-growth, when they only ever grew",
     &set<&Options::task_growth>},
    {"timer_pile", "64", "how many timers that one task made at one place and forgot are a timer-leak; 0: any number",
     &set<&Options::timer_pile>},
    {"busy_select", "1000", "how many defaults in a row, with nothing else done, are a busy-select; 0: any number",
     &set<&Options::busy_select>},
    {"closed_spin", "8", "how many receives in a row from a closed channel are a closed-channel-spin; 0: any number",
     &set<&Options::closed_spin>},
    {"seed", "0", "seed of random schedules; 0: a new one each run", &set<&Options::seed>},
    {"schedule", "normal", "how tasks are scheduled: normal, random", &set<&Options::schedule>},
    {"timeline", "0", "1: keep the events before each finding", &set<&Options::timeline>},
    {"baseline", "", "an older report: what it has is not new", &set<&Options::baseline>},
    {"command", "", "path of the vigil command that makes the report; empty: looked for", &set<&Options::command>},
    {"help", "0", "1: print this list", &set<&Options::help>},
}};

// Optimal string alignment distance of short names; kFar when one is too long to be meant.
constexpr std::size_t kFar = 99;
std::size_t distance(std::string_view a, std::string_view b) noexcept {
  constexpr std::size_t kMost = 32;
  if (a.size() >= kMost || b.size() >= kMost) return kFar;
  std::array<std::array<std::size_t, kMost + 1>, kMost + 1> cost{};
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      std::size_t best = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) best = std::min(best, cost[i - 2][j - 2] + 1);
      cost[i][j] = best;
    }
  }
  return cost[a.size()][b.size()];
}

std::string_view nearest_name(std::string_view wrong) noexcept {
  std::size_t best = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  std::string_view name;
  for (const OptionInfo& option : kTable) {
    if (const std::size_t d = distance(wrong, option.name); d < best) {
      best = d;
      name = option.name;
    }
  }
  return name;
}

// The next name=value, cut off the front of text. A value in quotes may hold colons.
std::optional<std::string_view> next_item(std::string_view& text, std::string_view& value, bool& has_value) noexcept {
  while (!text.empty() && (text.front() == ':' || text.front() == ' ')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  const std::size_t name_end = std::min(text.find_first_of("=:"), text.size());
  const std::string_view name = text.substr(0, name_end);
  text.remove_prefix(name_end);
  has_value = text.starts_with('=');
  value = {};
  if (!has_value) return name;
  text.remove_prefix(1);
  if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
    if (const std::size_t close = text.find(text.front(), 1); close != std::string_view::npos) {
      value = text.substr(1, close - 1);
      text.remove_prefix(close + 1);
      return name;
    }
  }
  value = text.substr(0, text.find(':'));
  text.remove_prefix(value.size());
  return name;
}

constinit Options* the_options = nullptr;
constinit std::string_view the_text;

// Short, for it is copied by hand. Never 0.
std::uint64_t drawn_seed() noexcept {
  std::uint32_t drawn = 0;
  raw_syscall(SYS_getrandom, reinterpret_cast<long>(&drawn), sizeof drawn, GRND_NONBLOCK);
  if (drawn == 0) drawn = static_cast<std::uint32_t>(steady_now_ns());
  return drawn % 1'000'000'000U + 1;
}

void print_help() noexcept {
  say_raw("vigil options, as VIGIL_OPTIONS=\"name=value:name=value\" (default in brackets):\n");
  for (const OptionInfo& option : kTable) {
    Line line;
    line << "  " << option.name
         << std::string_view("                ").substr(std::min<std::size_t>(option.name.size(), 16)) << option.help
         << " [" << option.default_text << "]\n";
    say_raw(line.view());
  }
}

}  // namespace

std::span<const OptionInfo> option_table() noexcept { return kTable; }

Options parse_options(std::string_view text, void (*complain)(std::string_view)) noexcept {
  Options result;
  for (const OptionInfo& option : kTable) option.set(result, option.default_text);
  std::string_view value;
  bool has_value = false;
  while (const auto name = next_item(text, value, has_value)) {
    const auto option = std::ranges::find(kTable, *name, &OptionInfo::name);
    Line line;
    if (option == kTable.end()) {
      line << "unknown option '" << *name << "' in VIGIL_OPTIONS is ignored";
      if (const std::string_view near = nearest_name(*name); !near.empty()) line << "; did you mean '" << near << "'?";
      complain(line.view());
    } else if (!has_value || !option->set(result, value)) {
      line << "option '" << *name << "': bad value '" << value << "', using " << option->default_text << " ("
           << option->help << ")";
      complain(line.view());
    }
  }
  return result;
}

void load_options() noexcept {
  if (the_options != nullptr) return;
  the_text = environment_value("VIGIL_OPTIONS");
  the_options = own_new<Options>(parse_options(the_text, say));
  if (the_options->schedule == Schedule::Random && the_options->seed == 0) {
    the_options->seed = drawn_seed();
    Line line;
    line << the_text << ":seed=" << the_options->seed;
    if (!line.full()) the_text = keep_text(line.view());
  }
  if (the_options->help) print_help();
}

const Options& options() noexcept { return *the_options; }
std::string_view options_text() noexcept { return the_text; }

bool wants(Kind kind) noexcept { return the_options->detect[static_cast<std::size_t>(kind)]; }

}  // namespace vigil::shim
