// The child shares our memory until it execs (as posix_spawn's does), runs on a stack of its own and makes raw system
// calls only. It dies without a SIGCHLD, so neither the program's handler nor its wait() ever sees it.
#include "interpose/renderer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "interpose/fixed_text.hpp"
#include "interpose/options.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim {
namespace {

constexpr std::int64_t kPatienceNs = 10'000'000'000;
constexpr int kErrorsRemain = 3;  // the command's exit status, see docs/command.md

bool is_executable(PathText& path) noexcept {
  return !path.full() && raw_syscall(SYS_faccessat, AT_FDCWD, reinterpret_cast<long>(path.c_str()), X_OK) == 0;
}

std::string_view folder_of(std::string_view path) noexcept { return path.substr(0, path.rfind('/')); }

// Beside the shim in a build tree (bin/ next to lib/) or an installation, then in PATH.
bool find_command(PathText& found) noexcept {
  const auto is_it = [&](std::string_view folder, std::string_view rest) {
    PathText candidate;
    candidate << folder << rest;
    if (!is_executable(candidate)) return false;
    found = candidate;
    return true;
  };
  for (const std::string_view told : {options().command, environment_value("VIGIL_COMMAND")}) {
    if (!told.empty()) return is_it(keep_absolute(told), "");
  }
  const std::string_view beside = folder_of(process_info().shim_path);
  for (const std::string_view rest : {"/vigil", "/../bin/vigil", "/../../bin/vigil"}) {
    if (!beside.empty() && is_it(beside, rest)) return true;
  }
  std::string_view path = environment_value("PATH");
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    if (end > 0 && path.front() == '/' && is_it(path.substr(0, end), "/vigil")) return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

// A program may forbid itself more than a handful of descriptors for good: then its child's loader cannot even open
// libraries, and says so on the program's standard error.
bool may_open_files() noexcept {
  constexpr rlim_t kEnough = 16;
  rlimit limit{};
  return raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, reinterpret_cast<long>(&limit)) != 0 ||
         limit.rlim_max >= kEnough;
}

// Everything the child needs, made before it exists.
struct Launch {
  PathText command;
  FixedText<512> formats;
  std::array<const char*, 8> arguments{};
  OwnVector<const char*> environment;
  bool quiet = false;  // its standard error goes nowhere
  int answer = -1;     // where the command says what it found; -1: nowhere
};

void fill(Launch& launch, std::string_view record) noexcept {
  launch.formats << options().formats.text;
  launch.arguments = {launch.command.c_str(), "report",      "--formats", launch.formats.c_str(),
                      "--for-shim",           record.data(), nullptr};
  for (const std::string_view variable : process_info().environment) {
    bool kept = true;
    for (const std::string_view ours :
         {"LD_PRELOAD=", "LD_AUDIT=", "LD_DEBUG=", "VIGIL_OPTIONS=", "VIGIL_HANDSHAKE="}) {
      kept = kept && !variable.starts_with(ours);
    }
    if (kept) launch.environment.push_back(variable.data());
  }
  launch.environment.push_back(nullptr);
}

struct KernelSigaction {
  void* handler = nullptr;  // SIG_DFL
  unsigned long flags = 0;
  void* restorer = nullptr;
  std::uint64_t mask = 0;
};

[[noreturn]] int child_main(void* argument) {
  const auto& launch = *static_cast<const Launch*>(argument);
  const KernelSigaction by_default;
  for (int signal_number = 1; signal_number < 65; ++signal_number) {
    raw_syscall(SYS_rt_sigaction, signal_number, reinterpret_cast<long>(&by_default), 0, 8);
  }
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  // The program's limits on itself are not meant for the report.
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_NOFILE}) {
    rlimit limit{};
    raw_syscall(SYS_prlimit64, 0, resource, 0, reinterpret_cast<long>(&limit));
    limit.rlim_cur = limit.rlim_max;
    raw_syscall(SYS_prlimit64, 0, resource, reinterpret_cast<long>(&limit), 0);
  }
  const long null = raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>("/dev/null"), O_RDWR);
  const bool has_stderr = !launch.quiet && raw_syscall(SYS_fcntl, 2, F_GETFD) >= 0;
  if (null >= 0) {
    for (const int fd : {0, 1, 2}) {
      // The answer's descriptor may be one of these three when the program has closed its own.
      const bool is_kept = fd == null || fd == launch.answer || (fd == 2 && has_stderr);
      if (!is_kept) raw_syscall(SYS_dup2, null, fd);
    }
  }
  if (launch.answer >= 0 && launch.answer != 1) {
    raw_syscall(SYS_dup2, launch.answer, 1);
    if (launch.answer < 3 && null >= 0) raw_syscall(SYS_dup2, null, launch.answer);
  } else if (launch.answer == 1) {
    raw_syscall(SYS_fcntl, 1, F_SETFD, 0);  // it would go with exec
  }
  raw_syscall(SYS_close_range, 3, ~0U, 0);
  // Where the program ended up may not exist any more.
  const std::string_view cwd = process_info().cwd;
  if (cwd.empty() || raw_syscall(SYS_chdir, reinterpret_cast<long>(cwd.data())) != 0) {
    raw_syscall(SYS_chdir, reinterpret_cast<long>("/"));
  }
  const std::uint64_t none = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&none), 0, 8);
  raw_syscall(SYS_execve, reinterpret_cast<long>(launch.command.view().data()),
              reinterpret_cast<long>(launch.arguments.data()), reinterpret_cast<long>(launch.environment.data()));
  while (true) raw_syscall(SYS_exit, 127);
}

// The child's process id, or a negative errno.
int start(Launch& launch) noexcept {
  constexpr std::size_t kStackBytes = 64U << 10;
  auto* const stack = static_cast<char*>(own_allocate(kStackBytes));
  const std::uint64_t all = ~std::uint64_t{0};
  std::uint64_t before = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&all), reinterpret_cast<long>(&before), 8);
  // No signal in the flags: the parent hears nothing of the child's death.
  const int pid = clone(child_main, stack + kStackBytes, CLONE_VM | CLONE_VFORK, &launch);
  const int error = errno;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&before), 0, 8);
  own_free(stack, kStackBytes);
  return pid > 0 ? pid : -error;
}

// The child's wait status, or nothing when it had to be killed.
std::optional<int> wait_for(int pid) noexcept {
  const std::int64_t end_ns = steady_now_ns() + kPatienceNs;
  const long watcher = raw_syscall(SYS_pidfd_open, pid, 0);
  int status = 0;
  while (true) {
    const long reaped = raw_syscall(SYS_wait4, pid, reinterpret_cast<long>(&status), WNOHANG | __WALL, 0);
    if (reaped != 0 && reaped != -EINTR) {
      if (watcher >= 0) raw_syscall(SYS_close, watcher);
      return reaped == pid ? std::optional(status) : std::nullopt;
    }
    const std::int64_t left_ns = end_ns - steady_now_ns();
    if (left_ns <= 0) break;
    if (watcher >= 0) {
      pollfd ready{static_cast<int>(watcher), POLLIN, 0};
      raw_syscall(SYS_poll, reinterpret_cast<long>(&ready), 1, left_ns / 1'000'000 + 1);
    } else {
      const timespec moment{0, 2'000'000};
      raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&moment), 0);
    }
  }
  raw_syscall(SYS_kill, pid, SIGKILL);
  raw_syscall(SYS_wait4, pid, reinterpret_cast<long>(&status), __WALL, 0);
  if (watcher >= 0) raw_syscall(SYS_close, watcher);
  return std::nullopt;
}

// A pipe that holds the answer until the command has ended: one line, which always fits.
class Answer {
 public:
  Answer() noexcept {
    if (raw_syscall(SYS_pipe2, reinterpret_cast<long>(ends_.data()), O_CLOEXEC | O_NONBLOCK) != 0) ends_ = {-1, -1};
  }
  ~Answer() {
    for (const int fd : ends_) {
      if (fd >= 0) raw_syscall(SYS_close, fd);
    }
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  [[nodiscard]] int writing_end() const noexcept { return ends_[1]; }
  // The line, without its end. False: none came.
  bool read_line(FoundText& line) const noexcept {
    std::array<char, 512> text;
    const long bytes = ends_[0] < 0 ? -1 : raw_syscall(SYS_read, ends_[0], reinterpret_cast<long>(text.data()), 512);
    if (bytes <= 0) return false;
    const std::string_view read(text.data(), static_cast<std::size_t>(bytes));
    line << read.substr(0, read.find('\n'));
    return true;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

RenderResult result_of(std::optional<int> status) noexcept {
  if (!status || !WIFEXITED(*status)) return RenderResult::Failed;
  if (WEXITSTATUS(*status) == 0) return RenderResult::NoErrors;
  return WEXITSTATUS(*status) == kErrorsRemain ? RenderResult::Errors : RenderResult::Failed;
}

}  // namespace

Rendering render_record(std::string_view record, bool quiet) noexcept {
  Launch launch;
  if (!may_open_files() || !find_command(launch.command)) return {RenderResult::NoCommand, false, {}};
  fill(launch, record);
  launch.quiet = quiet;
  const Answer answer;
  launch.answer = answer.writing_end();
  const int pid = start(launch);
  if (pid <= 0) return {RenderResult::Failed, false, {}};
  Rendering done{result_of(wait_for(pid)), false, {}};
  done.told = answer.read_line(done.found);
  return done;
}

}  // namespace vigil::shim
