// The vigil command: parses the command line and hands over to one verb.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"

namespace {

constexpr const char* kFooter =
    "Exit status:\n"
    "  0    nothing at error level was found (vigil run: and the program's own status was 0)\n"
    "  1    vigil could not do its work\n"
    "  2    wrong command line\n"
    "  3    errors were found (report, explore)\n"
    "  4    other kinds than expected were found (run --expect)\n"
    "  66   errors were found in a program that returned 0 (run; option exitcode)\n"
    "  70   the program ran, or could only run, without the shim (run)\n"
    "  126  the program cannot be executed (run)\n"
    "  127  there is no such program (run)\n"
    "  else the program's own (run); when a signal ended it, vigil dies of the same signal\n";

int run_command_line(int argc, char** argv) {
  using namespace vigil::reports;  // NOLINT(google-build-using-namespace): this file only wires
  CLI::App app("vigil: finds leaks, deadlocks, lock cycles, misuse and races in programs with tasks and threads",
               "vigil");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", "vigil " VIGIL_VERSION);
  struct Verb {
    CLI::App* command;
    Action act;
  };
  std::vector<Verb> verbs;
  for (const auto add : {add_run_command, add_explore_command, add_report_command, add_merge_command}) {
    Action act = add(app);
    verbs.push_back({app.get_subcommands({}).back(), std::move(act)});
  }
  CLI::App* help = app.add_subcommand("help", "Explain vigil, or one of its verbs");
  std::string topic;
  help->add_option("verb", topic, "run, explore, report or merge");
  if (argc >= 2 && std::string_view(argv[1]) == "run") return run_program({argv + 2, argv + argc}, app);
  if (argc >= 2 && std::string_view(argv[1]) == "explore") return explore_program({argv + 2, argv + argc}, app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return kUsage;
  }
  if (help->parsed()) {
    const CLI::App* about = &app;
    for (const CLI::App* verb : app.get_subcommands({})) {
      if (verb->get_name() == topic) about = verb;
    }
    if (!topic.empty() && about == &app) {
      spdlog::error("vigil has no verb '{}'", topic);
      return kUsage;
    }
    fmt::print("{}", about->help());
    return kClean;
  }
  for (const Verb& verb : verbs) {
    if (verb.command->parsed()) return verb.act();
  }
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    spdlog::set_default_logger(spdlog::stderr_color_st("vigil"));
    spdlog::set_pattern("vigil: %v");
    return run_command_line(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "vigil: {}\n", error.what());
    return vigil::reports::kFailed;
  }
}
