#include "reports/cli/child.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace vigil::reports {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return {ends[0], ends[1]};
}

void close_end(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// Signals that others send to us and mean for the program.
sigset_t handed_on() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT, SIGPIPE})
    ::sigaddset(&set, signal);
  ::sigaddset(&set, SIGCHLD);
  return set;
}

// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(const char* path, char* const* arguments, char* const* environment, const sigset_t& mask,
                         bool has_fixed_addresses, int output, int error_pipe) {
  if (output >= 0 && (::dup2(output, STDOUT_FILENO) < 0 || ::dup2(output, STDERR_FILENO) < 0)) ::_exit(126);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  constexpr unsigned long kAsk = 0xffffffff;
  // Where it is refused (a container's filter), the program is started all the same, and says itself what it lacks.
  if (has_fixed_addresses) ::personality(static_cast<unsigned long>(::personality(kAsk)) | ADDR_NO_RANDOMIZE);
  ::execve(path, arguments, environment);
  const int error = errno;
  if (::write(error_pipe, &error, sizeof error) < 0) ::_exit(126);
  ::_exit(127);
}

// Our environment with the plan's on top, as execve wants it. The strings live in storage.
std::vector<char*> environment_of(const ChildPlan& plan, const std::string& handshake,
                                  std::vector<std::string>& storage) {
  const auto is_set = [&](std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('='));
    if (name == "VIGIL_HANDSHAKE") return true;
    for (const auto& [ours, value] : plan.environment) {
      if (name == ours) return true;
    }
    return false;
  };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!is_set(*entry)) storage.emplace_back(*entry);
  }
  for (const auto& [name, value] : plan.environment) storage.push_back(fmt::format("{}={}", name, value));
  storage.push_back(fmt::format("VIGIL_HANDSHAKE={}", handshake));
  std::vector<char*> result;
  result.reserve(storage.size() + 1);
  for (std::string& entry : storage) result.push_back(entry.data());
  result.push_back(nullptr);
  return result;
}

// Hands signals on until the child has ended, and listens for the shim's answer meanwhile.
class Watch {
 public:
  Watch(pid_t pid, int handshake, int signals, int seconds) noexcept
      : pid_(pid), handshake_(handshake), signals_(signals), until_(Clock::now() + std::chrono::seconds(seconds)) {}

  void run(ChildEnd& end) {
    while (!ended(end)) {
      std::array<pollfd, 2> fds{{{signals_, POLLIN, 0}, {handshake_, POLLIN, 0}}};
      const bool listening = handshake_ >= 0;
      int timeout = -1;
      if (listening) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until_ - Clock::now()).count();
        timeout = left > 0 ? static_cast<int>(left) + 1 : 0;
      }
      const int ready = ::poll(fds.data(), listening ? 2 : 1, timeout);
      if (ready == 0 && listening) give_up();
      if ((fds[0].revents & POLLIN) != 0) hand_on();
      if (listening && fds[1].revents != 0) listen(end);
    }
    if (handshake_ >= 0) listen(end);  // it may have answered just before it ended
  }

 private:
  bool ended(ChildEnd& end) const {
    const pid_t got = ::waitpid(pid_, &end.wait_status, WNOHANG);
    return got == pid_ || (got < 0 && errno == ECHILD);
  }

  void hand_on() const {
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      const auto signal = static_cast<int>(info.ssi_signo);
      const bool from_terminal = info.ssi_code == SI_KERNEL;  // the kernel has told the whole process group
      if (signal != SIGCHLD && !from_terminal) ::kill(pid_, signal);
    }
  }

  void listen(ChildEnd& end) {
    std::array<char, 128> text{};
    const ssize_t got = ::read(handshake_, text.data(), text.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const std::string_view answer(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    end.shim_answered = answer.starts_with(fmt::format("vigil-shim 1 {}\n", pid_));
    handshake_ = -1;  // one answer, or the pipe was closed without one
    if (!end.shim_answered) give_up();
  }

  void give_up() {
    handshake_ = -1;
    if (!ended_already()) ::kill(pid_, SIGKILL);
  }

  [[nodiscard]] bool ended_already() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  pid_t pid_;
  int handshake_;
  int signals_;
  Clock::time_point until_;
};

}  // namespace

ChildEnd run_child(const ChildPlan& plan) {
  ChildEnd end;
  Pipe handshake = make_pipe();
  Pipe errors = make_pipe();
  struct stat status {};
  // The program must find the pipe where we say: at a number it is unlikely to use itself.
  constexpr int kHighNumber = 500;
  int for_child = ::fcntl(handshake.write_end, F_DUPFD, kHighNumber);
  if (for_child < 0) for_child = ::fcntl(handshake.write_end, F_DUPFD, 10);  // a low limit on open files
  if (handshake.read_end < 0 || errors.read_end < 0 || for_child < 0 || ::fstat(for_child, &status) != 0) {
    end.exec_error = errno;
    return end;
  }
  close_end(handshake.write_end);
  ::fcntl(handshake.read_end, F_SETFL, O_NONBLOCK);

  sigset_t before;
  const sigset_t ours = handed_on();
  ::sigprocmask(SIG_BLOCK, &ours, &before);
  int signals = ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);

  std::vector<std::string> arguments = plan.arguments;
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> storage;
  const std::vector<char*> environment = environment_of(plan, fmt::format("{}:{}", for_child, status.st_ino), storage);

  end.pid = ::fork();
  if (end.pid == 0)
    become(plan.path.c_str(), argv.data(), environment.data(), before, plan.has_fixed_addresses, plan.output,
           errors.write_end);
  if (end.pid < 0) end.exec_error = errno;
  close_end(for_child);
  close_end(errors.write_end);
  int error = 0;
  while (end.pid > 0 && ::read(errors.read_end, &error, sizeof error) < 0 && errno == EINTR) {
  }
  if (error != 0) {
    end.exec_error = error;
    ::waitpid(end.pid, &end.wait_status, 0);
  }
  if (end.exec_error == 0) Watch(end.pid, handshake.read_end, signals, plan.handshake_seconds).run(end);
  close_end(handshake.read_end);
  close_end(errors.read_end);
  close_end(signals);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return end;
}

void end_like(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);  // the program has left its core already
    std::signal(signal, SIG_DFL);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signal);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(signal);
    std::_Exit(128 + signal);
  }
  std::_Exit(WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 1);
}

}  // namespace vigil::reports
