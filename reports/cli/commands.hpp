// The verbs of the command, each in a file of its own: add_*() describes its arguments and returns what to do
// once they are parsed. Results are exit statuses (exit_codes.hpp).
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace vigil::reports {

class CommandLine;

using Action = std::function<int()>;

Action add_report_command(CommandLine& line);
Action add_run_command(CommandLine& line);
Action add_merge_command(CommandLine& line);
Action add_explore_command(CommandLine& line);
Action add_diff_command(CommandLine& line);
Action add_suppress_command(CommandLine& line);
Action add_tasks_command(CommandLine& line);
Action add_doctor_command(CommandLine& line);
Action add_completions_command(CommandLine& line);
Action add_manual_command(CommandLine& line);

// What follows `vigil run` or `vigil explore` on the command line. CommandLine does not parse it: from the program's
// name on, words belong to the program. line is for its help.
int run_program(const std::vector<std::string>& words, const CommandLine& line);
int explore_program(const std::vector<std::string>& words, const CommandLine& line);

}  // namespace vigil::reports
