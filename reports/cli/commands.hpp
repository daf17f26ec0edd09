// The verbs of the command, each in a file of its own: add_*() describes its arguments to CLI11 and returns what to do
// once they are parsed. Results are exit statuses (exit_codes.hpp).
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace vigil::reports {

using Action = std::function<int()>;

Action add_report_command(CLI::App& app);
Action add_run_command(CLI::App& app);
Action add_merge_command(CLI::App& app);
Action add_explore_command(CLI::App& app);
Action add_diff_command(CLI::App& app);
Action add_suppress_command(CLI::App& app);
Action add_tasks_command(CLI::App& app);
Action add_doctor_command(CLI::App& app);
Action add_completions_command(CLI::App& app);
Action add_manual_command(CLI::App& app);

// What follows `vigil run` or `vigil explore` on the command line. It is not CLI11's to parse: from the program's name
// on, words belong to the program. app is for its help.
int run_program(const std::vector<std::string>& words, const CLI::App& app);
int explore_program(const std::vector<std::string>& words, const CLI::App& app);

}  // namespace vigil::reports
