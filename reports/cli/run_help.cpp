#include "reports/cli/run_help.hpp"

#include <fmt/core.h>

#include <string>

namespace vigil::reports {
namespace {

// What a value may be, in the words that manual.hpp knows.
std::string type_words(const RunOption& option) {
  switch (option.type) {
    case OptionType::Flag:
      return "0|1";
    case OptionType::Count:
      return "N";
    case OptionType::ExitCode:
      return "STATUS";
    case OptionType::Duration:
      return "TIME";
    case OptionType::Formats:
      return "FORM,...";
    case OptionType::LogLevel:
      return "off|error|warn|info|debug|trace";
    case OptionType::Schedule:
      return "normal|random";
    case OptionType::Text:
      break;
  }
  return option.name == "report_dir" ? "DIR" : option.name == "detect" ? "KIND,..." : "FILE";
}

constexpr const char* kRunFooter =
    "The options of a run can stand in VIGIL_OPTIONS=\"name=value:name=value\" as well; those given here count. A TIME "
    "is "
    "in seconds, or\n500ms, 2m, 1h. The program keeps its exit status; when that is 0 and errors were found it becomes "
    "exitcode. When a signal ended the\nprogram, vigil run dies of the same signal. With --baseline only what is new "
    "fails.\n\n"
    "Examples:\n"
    "  vigil run -- ./test --its-own-option\n"
    "  vigil run --timeline --deadline=30s -- ./test      what the tasks did before each finding; an end to a hang\n"
    "  vigil run --expect=deadlock -- ./test              a test: exactly this kind is found\n"
    "  vigil run --baseline=known.json -- ./test          only what that report does not have counts\n"
    "  vigil run --schedule=random --seed=7 -- ./test     the order of events that seed 7 gives\n";

constexpr const char* kExploreFooter =
    "Takes the options of vigil run, too. A run fails when it has findings of level error (with strict, any), when a "
    "signal ends it,\nwhen its own exit status is not 0, or when it does not end within `deadline` [60s; 0: no limit]. "
    "Only runs that fail leave a\nrecord and show their output. Tasks are repeated step by step from the seed; threads "
    "as far as they wait in primitives.\n\n"
    "Examples:\n"
    "  vigil explore --runs=1000 -- ./test\n"
    "  vigil explore --all --runs=100 -- ./test      how many of a hundred orders fail, and of what\n";

}  // namespace

void describe_run(Verb verb, RunVerb which) {
  if (which == RunVerb::Run) {
    verb.tells("--expect", "KIND,...", "",
               "Exit 0 when exactly these kinds are found, else 4; the program's own status does not count. Empty: "
               "nothing may be found")
        .tells("--may", "KIND,...", "", "Kinds that may be found besides those of --expect");
  } else {
    verb.tells("--runs", "N", "100", "How many schedules to try")
        .tells("--all", "0|1", "0", "Go on after the first run that fails, and count");
  }
  verb.tells("--shim", "FILE", "", "Path of libvigil_shim.so, when it lies elsewhere");
  for (const RunOption& option : run_options()) {
    if (option.name != "help") {
      verb.tells(fmt::format("--{}", option.name), type_words(option), std::string(option.otherwise),
                 std::string(option.help));
    }
  }
  verb.tells_rest("program", "PROGRAM [ARGUMENT...]", "What to run, and behind it the program's own arguments")
      .footer(which == RunVerb::Run ? kRunFooter : kExploreFooter);
}

}  // namespace vigil::reports
