// The vigil command: parses the command line and hands over to one verb.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "reports/cli/command_line.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/run_options.hpp"
#include "reports/cli/say.hpp"
#include "reports/model/utf8.hpp"

namespace vigil::reports {
namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  vigil run -- ./test             watch a program; the last line says what was found and where the report lies\n"
    "  vigil explore --runs=200 -- ./test   look for an order of events in which it fails\n"
    "  vigil doctor ./test             can vigil work here, and what will it find in this program?\n"
    "  vigil help run                  all options of a run\n\n"
    "Exit status:\n"
    "  0    nothing at error level was found (vigil run: and the program's own status was 0)\n"
    "  1    vigil could not do its work\n"
    "  2    wrong command line\n"
    "  3    errors were found (report, explore); new ones (diff)\n"
    "  4    other kinds than expected were found (run --expect)\n"
    "  66   errors were found in a program that returned 0 (run; option exitcode)\n"
    "  70   the program ran, or could only run, without the shim (run)\n"
    "  126  the program cannot be executed (run)\n"
    "  127  there is no such program (run)\n"
    "  else the program's own (run); when a signal ended it, vigil dies of the same signal\n";

// No verb, or a word that is none: the parser would say less. "" when the first word is a verb or an option.
std::string complaint_about_verb(const std::vector<std::string>& verbs, int argc, char** argv) {
  if (argc < 2) return "what is to be done? vigil run -- program runs one; vigil --help lists the rest";
  if (argv[1][0] == '-' || std::find(verbs.begin(), verbs.end(), argv[1]) != verbs.end()) return {};
  const std::vector<std::string_view> names(verbs.begin(), verbs.end());
  const std::string_view near = nearest(argv[1], names);
  return fmt::format(
      "there is no verb '{}'{}", show_deceptive(argv[1]),
      near.empty() ? std::string(" (vigil --help lists them)") : fmt::format("; did you mean '{}'?", near));
}

// A standard descriptor that is closed is taken by something that can be neither read nor written and that no program
// we start inherits: else the report that is opened next would get its number, and the lines meant for standard error.
void keep_closed_descriptors_closed() {
  int last = -1;
  while (last < STDERR_FILENO) {
    last = ::open("/", O_PATH | O_CLOEXEC);
    if (last < 0) return;
  }
  if (last > STDERR_FILENO) ::close(last);
}

int run_command_line(int argc, char** argv) {
  CommandLine line("vigil",
                   "vigil: finds leaks, deadlocks, lock cycles, misuse and races in programs with tasks and threads",
                   VIGIL_VERSION, kFooter);
  std::vector<Action> actions;
  for (const auto add :
       {add_run_command, add_explore_command, add_report_command, add_merge_command, add_diff_command,
        add_suppress_command, add_tasks_command, add_doctor_command, add_completions_command, add_manual_command})
    actions.push_back(add(line));
  const std::vector<std::string> acting = line.verbs();  // one for each action
  std::string topic;
  line.add_verb("help", "Explain vigil, or one of its verbs")
      .takes("verb", topic, "run|explore|report|merge|diff|suppress|tasks|doctor|completions", "Which one");

  const std::vector<std::string> verbs = line.verbs();
  if (const std::string wrong = complaint_about_verb(verbs, argc, argv); !wrong.empty()) {
    say_error("{}", wrong);
    return kUsage;
  }
  const std::string_view first = argv[1];
  if (first == "run") return run_program({argv + 2, argv + argc}, line);
  if (first == "explore") return explore_program({argv + 2, argv + argc}, line);
  const CommandLine::Parsed parsed = line.parse(argc, argv);
  if (!parsed.error.empty()) {
    say_error("{} (vigil {}--help)", parsed.error, first.starts_with('-') ? std::string() : fmt::format("{} ", first));
    return kUsage;
  }
  fmt::print("{}", parsed.text);
  if (parsed.verb == "help") {
    const bool is_verb = std::find(verbs.begin(), verbs.end(), topic) != verbs.end();
    if (!topic.empty() && !is_verb) {
      say_error("there is no verb '{}' (vigil --help lists them)", show_deceptive(topic));
      return kUsage;
    }
    fmt::print("{}", is_verb && topic != "help" ? line.help_of(topic) : line.help());
    return kClean;
  }
  // A file that may not grow is an error to tell, not an end. (Programs that are started keep the default.)
  if (parsed.verb != "doctor") std::signal(SIGXFSZ, SIG_IGN);
  const auto at = std::find(acting.begin(), acting.end(), parsed.verb);
  return at == acting.end() ? kClean : actions[static_cast<std::size_t>(at - acting.begin())]();
}

}  // namespace
}  // namespace vigil::reports

int main(int argc, char** argv) {
  try {
    vigil::reports::keep_closed_descriptors_closed();
    const int status = vigil::reports::run_command_line(argc, argv);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    vigil::reports::tell("vigil: cannot write standard output: {}\n", std::strerror(errno));
    return vigil::reports::kFailed;
  } catch (const std::exception& error) {
    vigil::reports::tell("vigil: {}\n", error.what());
    return vigil::reports::kFailed;
  }
}
