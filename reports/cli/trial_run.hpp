// A run whose only purpose is to see whether running works.
#pragma once

#include <string>
#include <vector>

namespace vigil::reports {

struct TrialRun {
  std::string problem;      // one line; "" when the shim was loaded, answered and left a whole record
  std::string version;      // of the shim
  bool has_report = false;  // it found the command that makes one
};
// Runs this command itself, asked for no more than its version, under shim.
TrialRun try_shim(const std::string& shim);

// What a command prints first; "" when it cannot be run or fails.
std::string first_line_of(const std::vector<std::string>& command);

}  // namespace vigil::reports
