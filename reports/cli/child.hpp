// Child: the watched program, from its start to its end. It is started with the environment it is given, in our process
// group and with our signal mask; signals sent to us are handed on, those of the terminal reach it by themselves.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace vigil::reports {

struct ChildPlan {
  std::string path;                                              // the file to execute
  std::vector<std::string> arguments;                            // from argv[0]
  std::vector<std::pair<std::string, std::string>> environment;  // set on top of ours
  bool has_fixed_addresses = false;                              // of libraries, heap and stacks: the same in every run
  int output = -1;             // takes the place of its standard output and error; -1: they are ours
  int handshake_seconds = 30;  // how long the shim may take to answer after exec
};

struct ChildEnd {
  pid_t pid = 0;
  int exec_error = 0;  // errno, when it could not even be started
  bool shim_answered = false;
  int wait_status = 0;  // of waitpid
};

// Runs the child to its end. When the shim does not answer, the child is ended: it would run unwatched.
ChildEnd run_child(const ChildPlan& plan);

// Ends this process as the child ended: by the same status or the same signal.
[[noreturn]] void end_like(int wait_status);

}  // namespace vigil::reports
