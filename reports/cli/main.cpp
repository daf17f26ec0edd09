// The vigil command: parses the command line and hands over to one verb.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/run_options.hpp"
#include "reports/model/utf8.hpp"

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

// CLI11's words as one line of ours.
std::string one_line(std::string_view words) {
  std::string line(words.substr(0, words.find('\n')));
  while (!line.empty() && (line.back() == '.' || line.back() == ' ')) line.pop_back();
  if (!line.empty() && line[0] >= 'A' && line[0] <= 'Z' && line.size() > 1 && line[1] >= 'a' && line[1] <= 'z')
    line[0] = static_cast<char>(line[0] - 'A' + 'a');
  return vigil::reports::show_deceptive(line);
}

// "report " when that is the verb of the command line, else "".
std::string verb_named(const CLI::App& app, int argc, char** argv) {
  for (const CLI::App* verb : app.get_subcommands(std::function<bool(const CLI::App*)>())) {
    if (argc >= 2 && verb->get_name() == argv[1]) return verb->get_name() + " ";
  }
  return {};
}

// No verb, or a word that is none: CLI11 would say less. "" when the first word is a verb or an option.
std::string complaint_about_verb(const CLI::App& app, int argc, char** argv) {
  if (argc < 2) return "what is to be done? vigil run -- program runs one; vigil --help lists the rest";
  if (argv[1][0] == '-' || !verb_named(app, argc, argv).empty()) return {};
  std::vector<std::string_view> names;
  std::vector<std::string> storage;
  for (const CLI::App* verb : app.get_subcommands(std::function<bool(const CLI::App*)>()))
    storage.push_back(verb->get_name());
  names.assign(storage.begin(), storage.end());
  const std::string_view near = vigil::reports::nearest(argv[1], names);
  return fmt::format(
      "vigil has no verb '{}'{}", vigil::reports::show_deceptive(argv[1]),
      near.empty() ? std::string(" (vigil --help lists them)") : fmt::format("; did you mean '{}'?", near));
}

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
  for (const auto add :
       {add_run_command, add_explore_command, add_report_command, add_merge_command, add_diff_command,
        add_suppress_command, add_tasks_command, add_doctor_command, add_completions_command, add_manual_command}) {
    Action act = add(app);
    verbs.push_back({app.get_subcommands({}).back(), std::move(act)});
  }
  CLI::App* help = app.add_subcommand("help", "Explain vigil, or one of its verbs");
  std::string topic;
  help->add_option("verb", topic, "Which one")
      ->type_name("run|explore|report|merge|diff|suppress|tasks|doctor|completions");
  if (argc >= 2 && std::string_view(argv[1]) == "run") return run_program({argv + 2, argv + argc}, app);
  if (argc >= 2 && std::string_view(argv[1]) == "explore") return explore_program({argv + 2, argv + argc}, app);
  if (const std::string wrong = complaint_about_verb(app, argc, argv); !wrong.empty()) {
    spdlog::error("{}", wrong);
    return kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    spdlog::error("{} (vigil {}--help)", one_line(error.what()), verb_named(app, argc, argv));
    return kUsage;
  }
  if (help->parsed()) {
    const CLI::App* about = &app;
    for (const CLI::App* verb : app.get_subcommands({})) {
      if (verb->get_name() == topic) about = verb;
    }
    if (!topic.empty() && topic != "help" && about == &app) {
      spdlog::error("vigil has no verb '{}'", topic);
      return kUsage;
    }
    fmt::print("{}", about == &app ? app.help() : about->help(app.get_name()));
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
