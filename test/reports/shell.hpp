// The command as a process: its exit status and everything it prints.
#pragma once

#include <fmt/core.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace vigil::reports::test {

struct Outcome {
  int status = -1;  // exit status, or 1000 + signal
  std::string output;
};

inline Outcome shell(const std::string& command) {
  Outcome outcome;
  // exec: what ends the command ends the shell the same way.
  FILE* pipe = ::popen(fmt::format("exec 2>&1; {}", command).c_str(), "r");
  std::array<char, 4096> bytes{};
  for (std::size_t got = 0; (got = std::fread(bytes.data(), 1, bytes.size(), pipe)) > 0;)
    outcome.output.append(bytes.data(), got);
  const int status = ::pclose(pipe);
  outcome.status = WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
  return outcome;
}

// The command with these arguments.
inline Outcome vigil(const std::string& arguments) {
  return shell(fmt::format("exec {} {}", VIGIL_COMMAND, arguments));
}

}  // namespace vigil::reports::test
