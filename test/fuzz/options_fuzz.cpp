// The options of a run, read by all three who read them: the shim, the reports, and the command line.
#include "interpose/options.hpp"

#include <vector>

#include "reports/cli/run_options.hpp"
#include "reports/model/options.hpp"
#include "test/fuzz/harness.hpp"

namespace {

using namespace vigil;
using namespace vigil::fuzz;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = text_of(data, size);

  static std::size_t complaints;
  complaints = 0;
  const shim::Options seen = shim::parse_options(text, [](std::string_view line) {
    ++complaints;
    demand(!line.empty(), "a complaint says something");
  });
  demand(seen.exitcode.value >= 0 && seen.exitcode.value <= 255, "an exit status is one");
  demand(seen.deadline.ns >= 0 && seen.stall.ns >= 0 && seen.long_block.ns >= 0, "no time is negative");

  // What the reports made of it, written down and read again, is the same, unless a value holds both sorts of quotes.
  const reports::OptionMap options = reports::parse_options(text);
  bool can_be_written = true;
  for (const auto& [name, value] : options) {
    const bool needs_quotes = value.find(':') != std::string::npos || value.starts_with('"') || value.starts_with('\'');
    if (needs_quotes && value.find('"') != std::string::npos && value.find('\'') != std::string::npos)
      can_be_written = false;
  }
  if (can_be_written) demand(reports::parse_options(reports::format_options(options)) == options, "options survive");

  std::vector<std::string> arguments;
  for (std::string_view rest = text; !rest.empty();) arguments.emplace_back(cut(rest));
  for (const reports::RunVerb verb : {reports::RunVerb::Run, reports::RunVerb::Explore}) {
    std::string error;
    const auto run = reports::parse_run_arguments(arguments, error, verb);
    demand(run.has_value() == error.empty(), "arguments are read or there is an error");
    if (!run) continue;
    // What the command accepts the shim accepts too.
    complaints = 0;
    if (run->options.contains("detect")) continue;  // whose words only the shim knows
    shim::parse_options(reports::format_options(run->options), [](std::string_view) { ++complaints; });
    bool quotes_fit = true;
    for (const auto& [name, value] : run->options) {
      if (value.find_first_of(":\"'") != std::string::npos) quotes_fit = false;
    }
    demand(!quotes_fit || complaints == 0, "the shim takes what the command took");
  }
  return 0;
}
