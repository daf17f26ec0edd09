// The options of a run, as `vigil run --name=value` and `vigil explore` take them, and the rest of its command line.
// The shim has the same table (contract, section 6); the two share no code, a test compares them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/model/options.hpp"

namespace vigil::reports {

enum class OptionType : std::uint8_t { Flag, Count, ExitCode, Duration, Text, Formats, LogLevel, Schedule };

struct RunOption {
  std::string_view name;
  OptionType type;
  std::string_view otherwise;  // the default
  std::string_view help;
};
std::span<const RunOption> run_options() noexcept;

struct RunArguments {
  OptionMap options;  // those given here
  std::vector<std::string> command;
  std::optional<std::vector<std::string>> expect;  // kinds; an empty list demands that nothing is found
  std::vector<std::string> may;
  std::string shim;  // path, "" to look for it
  bool help = false;
  // vigil explore only:
  std::uint64_t runs = 100;
  bool all = false;
};

enum class RunVerb : std::uint8_t { Run, Explore };

// Reads what follows `vigil run` or `vigil explore`. On failure nothing is returned and error is one clear line.
std::optional<RunArguments> parse_run_arguments(std::span<const std::string> arguments, std::string& error,
                                                RunVerb verb = RunVerb::Run);

// The nearest of names, for "did you mean"; "" when none is near.
std::string_view nearest(std::string_view wrong, std::span<const std::string_view> names);
std::string_view nearest_kind(std::string_view wrong);

}  // namespace vigil::reports
