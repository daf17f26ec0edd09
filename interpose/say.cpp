#include "interpose/say.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>

#include "interpose/fixed_text.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim {
namespace {

struct FileIdentity {
  bool valid = false;
  dev_t device = 0;
  ino_t inode = 0;
  mode_t mode = 0;
  bool append = false;
};

constinit FileIdentity stderr_at_start;

FileIdentity identity_of(int fd) noexcept {
  struct stat found {};
  if (raw_syscall(SYS_fstat, fd, reinterpret_cast<long>(&found)) != 0) return {};
  const long flags = raw_syscall(SYS_fcntl, fd, F_GETFL);
  return {true, found.st_dev, found.st_ino, found.st_mode, (flags & O_APPEND) != 0};
}

// Whether descriptor 2 is still where the program wants to be written to. A program that closes 2 and opens a data file
// gets that file as 2; a redirected log is a pipe, a terminal or opened for appending.
bool may_write() noexcept {
  if (!stderr_at_start.valid) return false;
  const FileIdentity now = identity_of(2);
  if (!now.valid) return false;
  if (now.device == stderr_at_start.device && now.inode == stderr_at_start.inode) return true;
  return !S_ISREG(now.mode) || now.append;
}

constexpr std::uint64_t bit_of(int signal_number) noexcept { return std::uint64_t{1} << (signal_number - 1); }

// Blocks SIGPIPE on this thread, and swallows one that our own write raised.
class NoPipeSignal {
 public:
  NoPipeSignal() noexcept {
    const std::uint64_t pipe = bit_of(SIGPIPE);
    raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, reinterpret_cast<long>(&pipe), reinterpret_cast<long>(&before_), 8);
    was_pending_ = (pending() & pipe) != 0;
  }
  ~NoPipeSignal() {
    const std::uint64_t pipe = bit_of(SIGPIPE);
    if (!was_pending_ && (pending() & pipe) != 0) {
      const timespec now{0, 0};
      raw_syscall(SYS_rt_sigtimedwait, reinterpret_cast<long>(&pipe), 0, reinterpret_cast<long>(&now), 8);
    }
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&before_), 0, 8);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;

 private:
  static std::uint64_t pending() noexcept {
    std::uint64_t set = 0;
    raw_syscall(SYS_rt_sigpending, reinterpret_cast<long>(&set), 8);
    return set;
  }
  std::uint64_t before_ = 0;
  bool was_pending_ = false;
};

}  // namespace

void remember_stderr() noexcept { stderr_at_start = identity_of(2); }

void say_raw(std::string_view text) noexcept {
  if (!may_write()) return;
  const NoPipeSignal quiet;
  constexpr long kPatienceMs = 1000;  // a reader that is alive empties its pipe faster
  while (!text.empty()) {
    pollfd ready{2, POLLOUT, 0};
    const long polled = raw_syscall(SYS_poll, reinterpret_cast<long>(&ready), 1, kPatienceMs);
    if (polled == -EINTR) continue;
    if (polled <= 0) return;
    const long written = raw_syscall(SYS_write, 2, reinterpret_cast<long>(text.data()), static_cast<long>(text.size()));
    if (written == -EINTR || written == -EAGAIN) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void say(std::string_view text) noexcept {
  FixedText<4096> line;  // PIPE_BUF: whole lines stay whole among other writers
  line << "vigil: " << text.substr(0, 4096 - 16) << "\n";
  say_raw(line.view());
}

}  // namespace vigil::shim
