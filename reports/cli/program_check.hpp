// Whether a program can be run with the shim preloaded, found out before it starts. The dynamic loader would ignore the
// preload without a word in a static or privileged program, and a run that was not watched must not look like a clean
// one.
#pragma once

#include <string>

namespace vigil::reports {

struct ProgramCheck {
  int status = 0;       // 0: go ahead; else what to exit with (exit_codes.hpp)
  std::string problem;  // one line, when status is not 0
  std::string path;     // the file to execute
};

// command as in execvp: looked up in PATH when it has no slash.
ProgramCheck check_program(const std::string& command);

}  // namespace vigil::reports
