#include "interpose/process_info.hpp"

#include <fcntl.h>
#include <link.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "interpose/fixed_text.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim {
namespace {

// Immortal and built on first use: no static constructor may run over it later.
constinit ProcessInfo* the_info = nullptr;
constinit std::atomic<int> own_pid{0};  // relaxed: written before other threads exist, or in a fork's only thread

std::int64_t clock_ns(clockid_t clock) noexcept {
  timespec now{};
  clock_gettime(clock, &now);  // the vdso: no system call, not interposed by us
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string_view link_target(const char* link) noexcept {
  std::array<char, 4096> text{};
  const long n = raw_syscall(SYS_readlink, reinterpret_cast<long>(link), reinterpret_cast<long>(text.data()),
                             static_cast<long>(text.size()));
  return n > 0 ? keep_text({text.data(), static_cast<std::size_t>(n)}) : std::string_view{};
}

// The texts in a file of the kernel's: NUL-separated, at most so many bytes.
OwnVector<std::string_view> read_texts(const char* file, std::size_t most) noexcept {
  OwnVector<char> all;
  const long fd = raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(file), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::array<char, 4096> piece{};
  while (all.size() < most) {
    const long n = raw_syscall(SYS_read, fd, reinterpret_cast<long>(piece.data()), static_cast<long>(piece.size()));
    if (n == -EINTR) continue;
    if (n <= 0) break;
    all.insert(all.end(), piece.begin(), piece.begin() + n);
  }
  raw_syscall(SYS_close, fd);
  OwnVector<std::string_view> texts;
  const std::string_view text = keep_text({all.data(), all.size()});
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    texts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return texts;
}

constexpr std::size_t kMostArguments = 256U << 10U;  // bytes of arguments that a report still shows
constexpr std::size_t kMostEnvironment = 4U << 20U;  // more than the kernel gives a program

OwnVector<std::string_view> read_environment() noexcept {
  // ThreadSanitizer's runtime starts, and wakes us, before libc knows the environment.
  if (environ == nullptr) return read_texts("/proc/self/environ", kMostEnvironment);
  OwnVector<std::string_view> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(keep_text(*variable));
  return variables;
}

std::string_view safe_file_name(std::string_view path) noexcept {
  std::string_view name = path.substr(path.rfind('/') + 1);
  if (const auto gone = name.find(" (deleted)"); gone != std::string_view::npos) name = name.substr(0, gone);
  FixedText<128> safe;
  for (const char c : name.substr(0, 100)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '+';
    safe << std::string_view(plain ? &c : "_", 1);
  }
  const std::string_view kept = keep_text(safe.view());
  return kept.empty() || kept.front() == '.' ? "program" : kept;
}

std::string_view own_path() noexcept {
  struct link_map* map = nullptr;
  Dl_info info{};
  static const char anchor = 0;  // an address inside this library
  if (dladdr1(&anchor, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0 || map == nullptr) return {};
  return keep_absolute(map->l_name);
}

}  // namespace

std::string_view keep_text(std::string_view text) noexcept {
  auto* const copy = static_cast<char*>(own_allocate(text.size() + 1, 1));
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return {copy, text.size()};
}

std::string_view keep_absolute(std::string_view path) noexcept {
  if (path.starts_with('/') || the_info == nullptr || the_info->cwd.empty()) return keep_text(path);
  PathText whole;
  whole << the_info->cwd << "/" << path;
  return keep_text(whole.view());
}

void take_process_info() noexcept {
  if (the_info != nullptr) return;
  the_info = own_new<ProcessInfo>();
  ProcessInfo& info = *the_info;
  info.pid = static_cast<int>(raw_syscall(SYS_getpid));
  own_pid.store(info.pid, std::memory_order_relaxed);
  info.started_at_ns = clock_ns(CLOCK_REALTIME);
  info.started_steady_ns = clock_ns(CLOCK_MONOTONIC);
  std::array<char, 4096> folder{};
  const long n = raw_syscall(SYS_getcwd, reinterpret_cast<long>(folder.data()), static_cast<long>(folder.size()));
  if (n > 1 && folder[0] == '/') info.cwd = keep_text({folder.data(), static_cast<std::size_t>(n) - 1});
  info.path = link_target("/proc/self/exe");
  info.args = read_texts("/proc/self/cmdline", kMostArguments);
  info.name = safe_file_name(info.path);
  info.environment = read_environment();
  info.shim_path = own_path();
}

void refresh_process_info_after_fork() noexcept {
  the_info->pid = static_cast<int>(raw_syscall(SYS_getpid));
  own_pid.store(the_info->pid, std::memory_order_relaxed);
  the_info->started_at_ns = clock_ns(CLOCK_REALTIME);
  the_info->started_steady_ns = clock_ns(CLOCK_MONOTONIC);
}

const ProcessInfo& process_info() noexcept { return *the_info; }

std::string_view environment_value(std::string_view name) noexcept {
  if (the_info == nullptr) return {};
  for (const std::string_view variable : the_info->environment) {
    if (variable.size() > name.size() && variable[name.size()] == '=' && variable.starts_with(name)) {
      return variable.substr(name.size() + 1);
    }
  }
  return {};
}

bool in_own_process() noexcept { return raw_syscall(SYS_getpid) == own_pid.load(std::memory_order_relaxed); }

std::int64_t steady_now_ns() noexcept { return clock_ns(CLOCK_MONOTONIC); }

}  // namespace vigil::shim
