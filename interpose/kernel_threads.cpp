#include "interpose/kernel_threads.hpp"

#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "interpose/proc_file.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim {
namespace {

using Content = FixedText<512>;

Content content_of(int tid, std::string_view file) noexcept {
  FixedText<64> path;
  path << "/proc/self/task/" << tid << "/" << file;
  std::array<char, 512> bytes{};
  const std::size_t n = ProcFile(path.c_str()).read(bytes.data(), bytes.size());
  return Content() << std::string_view(bytes.data(), n);
}

// The state letter of /proc/.../stat: the first word after the name, which is in brackets and may hold anything.
char state_letter(int tid) noexcept {
  const Content stat = content_of(tid, "stat");
  const std::size_t end = stat.view().rfind(") ");
  return end == std::string_view::npos || end + 2 >= stat.view().size() ? '?' : stat.view()[end + 2];
}

// The n-th hexadecimal word of a line of /proc/.../syscall, after the call's number. False: there is none.
bool argument(std::string_view line, int n, std::uint64_t& value) noexcept {
  std::size_t at = 0;
  for (int i = 0; i <= n; ++i) {
    at = line.find(' ', at);
    if (at == std::string_view::npos) return false;
    ++at;
  }
  if (line.substr(at, 2) != "0x") return false;
  const std::string_view digits = line.substr(at + 2);
  return std::from_chars(digits.data(), digits.data() + digits.size(), value, 16).ec == std::errc();
}

constexpr std::string_view kFutex = "202 ";

// The number of the call that it sleeps in; -1: none, or the kernel does not say.
int call_of(int tid) noexcept {
  const Content call = content_of(tid, "syscall");
  const std::string_view digits = call.view();
  int number = -1;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace

OwnVector<int> kernel_threads() noexcept {
  OwnVector<int> found = numbers_in("/proc/self/task");
  std::erase_if(found, [](int tid) {
    const char state = state_letter(tid);
    return state == 'Z' || state == 'X' || state == '?';
  });
  return found;
}

bool kernel_runs(int tid) noexcept { return state_letter(tid) == 'R'; }
bool kernel_sleeps(int tid) noexcept { return state_letter(tid) == 'S'; }

bool kernel_naps(int tid) noexcept {
  static constexpr auto kCalls =
      std::to_array<int>({SYS_nanosleep, SYS_clock_nanosleep, SYS_read, SYS_readv, SYS_recvfrom, SYS_recvmsg,
                          SYS_recvmmsg, SYS_accept, SYS_accept4, SYS_epoll_wait, SYS_epoll_pwait, SYS_poll, SYS_ppoll,
                          SYS_select, SYS_pselect6, SYS_rt_sigtimedwait});
  return std::ranges::find(kCalls, call_of(tid)) != kCalls.end() && kernel_sleeps(tid);
}

bool kernel_may_halt(int tid) noexcept {
  const int call = call_of(tid);
  return call == SYS_futex || call == SYS_nanosleep || call == SYS_clock_nanosleep || kernel_runs(tid);
}

std::uintptr_t stack_pointer_in_futex(int tid) noexcept {
  constexpr int kStackPointer = 6;  // behind the call's six arguments
  const Content call = content_of(tid, "syscall");
  std::uint64_t pointer = 0;
  return call.view().starts_with(kFutex) && argument(call.view(), kStackPointer, pointer) ? pointer : 0;
}

std::int64_t used_processor_ns(int tid) noexcept {
  // The clock of another thread of this process: see clock_getcpuclockid(3) and the kernel's posix-timers.h.
  constexpr unsigned kPerThreadSched = 6;
  const auto clock = static_cast<long>(static_cast<int>(~static_cast<unsigned>(tid) << 3U | kPerThreadSched));
  timespec time{};
  if (raw_syscall(SYS_clock_gettime, clock, reinterpret_cast<long>(&time)) != 0) return 0;
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

KernelState kernel_state(int tid) noexcept {
  const Content call = content_of(tid, "syscall");
  if (call.view().empty()) {
    // Not readable here (a sandbox, an old kernel): the letter says less, but never takes one who is ready for asleep.
    return state_letter(tid) == 'S' ? KernelState::Asleep : KernelState::Elsewhere;
  }
  constexpr int kTimeout = 3;  // the argument of futex()
  std::uint64_t timeout = 0;
  const bool waits = call.view().starts_with(kFutex) && argument(call.view(), kTimeout, timeout) && timeout == 0;
  return waits ? KernelState::Asleep : KernelState::Elsewhere;
}

FixedText<16> thread_name(int tid) noexcept {
  const Content own = content_of(tid, "comm");
  const Content main = content_of(static_cast<int>(raw_syscall(SYS_getpid)), "comm");
  FixedText<16> name;
  if (own.view() != main.view()) name << own.view().substr(0, own.view().find('\n'));
  return name;
}

}  // namespace vigil::shim
