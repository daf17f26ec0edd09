// Options: what VIGIL_OPTIONS="name=value:name=value" says. One table holds names, defaults and help.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string_view>

#include "interpose/kinds.hpp"

namespace vigil::shim {

struct Duration {
  std::int64_t ns = 0;  // 0: off
};
struct ExitCode {
  int value = 0;  // 0 .. 255; 0 leaves the program's own
};
enum class LogLevel : std::uint8_t { Off, Error, Warn, Info, Debug, Trace };
enum class Schedule : std::uint8_t { Normal, Random };
using KindSet = std::bitset<kKinds.size()>;
struct Formats {
  std::string_view text;  // checked, comma-separated
};

struct Options {
  std::string_view report_dir;
  Formats formats;
  ExitCode exitcode;
  bool strict = false;
  bool halt_on_error = false;
  bool dedup = true;
  KindSet detect;
  std::string_view suppressions;
  LogLevel log_level = LogLevel::Off;
  std::string_view log_path;
  Duration deadline;
  Duration stall;
  Duration long_block;
  Duration cancel_grace;
  std::uint64_t task_growth = 0;  // each of these four: 0 is off
  std::uint64_t timer_pile = 0;
  std::uint64_t busy_select = 0;
  std::uint64_t closed_spin = 0;
  std::uint64_t seed = 0;  // drawn when it was 0 and the schedule is random
  Schedule schedule = Schedule::Normal;
  bool timeline = false;
  std::string_view baseline;
  std::string_view command;
  bool help = false;
};

struct OptionInfo {
  std::string_view name;
  std::string_view default_text;
  std::string_view help;
  bool (*set)(Options&, std::string_view value);  // false: bad value, nothing changed
};

std::span<const OptionInfo> option_table() noexcept;

// Reads `text` over the defaults. Each thing wrong is handed to complain, as one line; the rest still counts.
// The texts in the result point into `text`.
Options parse_options(std::string_view text, void (*complain)(std::string_view line)) noexcept;

// The options of this process.
const Options& options() noexcept;
// As given, and what was drawn: with these the run is repeated.
std::string_view options_text() noexcept;
// Once, while Starting: from the environment.
void load_options() noexcept;
bool wants(Kind kind) noexcept;

}  // namespace vigil::shim
