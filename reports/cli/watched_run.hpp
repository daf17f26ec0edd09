// One run of a program under the shim, from its command line to the record it leaves: what `vigil run` and `vigil
// explore` share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/cli/child.hpp"
#include "reports/cli/run_options.hpp"
#include "reports/model/report.hpp"

namespace vigil::reports {

struct WatchedProgram {
  RunArguments arguments;
  OptionMap options;  // those of the environment, with those given on top
  std::string path;   // of the program
  std::string shim;
};

// Looks whether the program can be watched. If not it has said why, and status is the exit status.
std::optional<WatchedProgram> prepare(const RunArguments& arguments, int& status);

// Where the shim is: given, or "" to look beside the command, in ../lib as in a build tree, or where an installation
// puts libraries. "" when it is not found.
std::string find_shim(const std::string& given);

ChildPlan plan_of(const WatchedProgram& program, int output);

struct RunRecord {
  std::string path;
  bool ended = false;
  bool replaced = false;  // it ends where the process became another program (exec), which has no record
};
struct WatchedEnd {
  int status = 0;  // not 0: the program did not run watched, which has been said; this is the exit status
  ChildEnd child;
  std::optional<RunRecord> record;
  std::vector<RunRecord> others;  // of the processes it started in turn, in the order of their paths
};

// Runs it to its end. output: takes the place of its standard output and error; -1: they are ours.
WatchedEnd run_watched(const WatchedProgram& program, int output = -1);

// The report of a finished run in the formats asked for; returns the path to tell.
std::string write_reports(const Report& report, const std::string& record, const std::string& formats);

}  // namespace vigil::reports
