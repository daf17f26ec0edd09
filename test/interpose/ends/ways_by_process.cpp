// Children by fork, vfork, spawn and the shell, and programs that become another.
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "test/interpose/ends/way.hpp"

namespace vigil::test {
namespace {

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  std::printf("child: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return 0;
}

int way_fork_exit() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) std::exit(0);
  return wait_for(child);
}
int way_fork__exit() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) _exit(2);
  return wait_for(child);
}
int way_fork_term() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) die_of(SIGTERM);
  return wait_for(child);
}
int way_fork_works() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    // Locks, memory and threads of its own: nothing of the parent's may be in the way.
    std::string text;
    for (int i = 0; i < 1000; ++i) text += std::to_string(i);
    std::thread([&] { text += "!"; }).join();
    std::printf("child made %zu characters\n", text.size());
    std::exit(0);
  }
  return wait_for(child);
}
int way_raw_fork() {
  std::fflush(nullptr);
  const auto child = static_cast<pid_t>(syscall(SYS_fork));
  if (child == 0) _exit(0);
  return wait_for(child);
}
int way_fork_exec() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/echo", "echo", "from the child", static_cast<char*>(nullptr));
    _exit(127);
  }
  return wait_for(child);
}
int way_vfork_exec() {
  std::fflush(nullptr);
  const pid_t child = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): what the test is about
  if (child == 0) {
    execlp("echo", "echo", "from the child", static_cast<char*>(nullptr));
    _exit(127);
  }
  return wait_for(child);
}
int way_vfork__exit() {
  std::fflush(nullptr);
  const pid_t child = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): what the test is about
  if (child == 0) _exit(6);
  return wait_for(child);
}
int way_spawn() {
  std::fflush(nullptr);
  pid_t child = 0;
  char name[] = "echo";
  char text[] = "spawned";
  char* const arguments[] = {name, text, nullptr};
  if (posix_spawnp(&child, "echo", nullptr, nullptr, arguments, environ) != 0) return 1;
  return wait_for(child);
}
int way_system() {
  std::fflush(nullptr);
  const int status = std::system("echo from the shell; exit 3");
  std::printf("status %d\n", WEXITSTATUS(status));
  return 0;
}
int way_popen() {
  FILE* const pipe = popen("echo one; echo two", "r");
  char line[64];
  while (pipe != nullptr && std::fgets(line, sizeof line, pipe) != nullptr) std::printf("got %s", line);
  return pipe == nullptr ? 1 : pclose(pipe);
}
int way_child_inherits_defaults() {
  // An ignored signal stays ignored over exec, a handled one becomes the default, ours as anybody's.
  signal(SIGHUP, SIG_IGN);
  signal(SIGUSR1, count_it);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execl(self_path, self_path, "shows_dispositions", static_cast<char*>(nullptr));
    _exit(127);
  }
  return wait_for(child);
}
int way_shows_dispositions() {
  for (const int one : {SIGHUP, SIGUSR1, SIGTERM}) show("inherited", one);
  return 0;
}
int way_no_sigchld() {
  signal(SIGCHLD, count_it);
  std::atexit([] { std::printf("children heard of: %d\n", static_cast<int>(handled)); });
  return 0;
}

int way_execl() {
  std::fflush(nullptr);
  execl("/bin/echo", "echo", "a", "b", static_cast<char*>(nullptr));
  return 1;
}
int way_execle() {
  std::fflush(nullptr);
  const char* environment[] = {"X=1", nullptr};
  execle("/usr/bin/env", "env", static_cast<char*>(nullptr), environment);
  return 1;
}
int way_execvp_fails() {
  char name[] = "no-such-program-anywhere";
  char* const arguments[] = {name, nullptr};
  execvp(name, arguments);
  std::printf("exec failed: %d\n", errno);
  return 0;
}
int way_exec_itself() {
  std::fflush(nullptr);
  execl(self_path, self_path, "return", static_cast<char*>(nullptr));
  return 1;
}

constexpr Way kWays[] = {
    WAY(fork_exit),
    WAY(fork__exit),
    WAY(fork_term),
    WAY(fork_works),
    WAY(raw_fork),
    WAY(fork_exec),
    WAY(vfork_exec),
    WAY(vfork__exit),
    WAY(spawn),
    WAY(system),
    WAY(popen),
    WAY(child_inherits_defaults),
    WAY(shows_dispositions),
    WAY(no_sigchld),
    WAY(execl),
    WAY(execle),
    WAY(execvp_fails),
    WAY(exec_itself),
};

}  // namespace

std::span<const Way> ways_by_process() { return kWays; }

}  // namespace vigil::test
