#include "interpose/leaks/kernel_words.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstring>
#include <string_view>

#include "interpose/fixed_text.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/leaks/memory_search.hpp"
#include "interpose/leaks/open_file.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::leaks {
namespace {

constinit std::atomic<bool> has_posix_timers{false};  // relaxed: set before the timer is there

// The numbers of this process's descriptors. False: the kernel does not say.
bool descriptors(OwnVector<int>& found) noexcept {
  const long folder =
      raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>("/proc/self/fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  alignas(dirent64) std::array<char, 4096> buffer;
  long n = 0;
  while ((n = raw_syscall(SYS_getdents64, folder, reinterpret_cast<long>(buffer.data()), buffer.size())) > 0) {
    for (long at = 0; at < n;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      int number = 0;
      const char* const name = entry->d_name;
      const bool is_number = std::from_chars(name, name + std::strlen(name), number).ec == std::errc();
      if (is_number && number != folder) found.push_back(number);
    }
  }
  raw_syscall(SYS_close, folder);
  return n == 0;
}

struct Descriptor {
  int number = 0;
  FixedText<64> is;  // "pipe:[123]", "anon_inode:[eventpoll]", a path
};

Descriptor look_at(int number) noexcept {
  FixedText<32> path;
  path << "/proc/self/fd/" << number;
  std::array<char, 63> name{};
  const long n = raw_syscall(SYS_readlinkat, AT_FDCWD, reinterpret_cast<long>(path.c_str()),
                             reinterpret_cast<long>(name.data()), name.size());
  Descriptor one{number, {}};
  one.is << std::string_view(name.data(), n < 0 ? 0 : static_cast<std::size_t>(n));
  return one;
}

bool holds_bytes(int number) noexcept {
  int bytes = 0;
  return raw_syscall(SYS_ioctl, number, FIONREAD, reinterpret_cast<long>(&bytes)) == 0 && bytes > 0;
}

bool is_unix_socket(int number) noexcept {
  int domain = 0;
  int size = sizeof(domain);
  return raw_syscall(SYS_getsockopt, number, SOL_SOCKET, SO_DOMAIN, reinterpret_cast<long>(&domain),
                     reinterpret_cast<long>(&size)) == 0 &&
         domain == AF_UNIX;
}

// Each hexadecimal number that follows those words in a file of /proc.
template <class Take>
bool each_number_after(const char* path, std::string_view words, char before, Take&& take) noexcept {
  OwnVector<char> text;
  if (!read_whole(path, text)) return false;
  std::string_view rest(text.data(), text.size());
  for (std::size_t at = 0; (at = rest.find(words)) != std::string_view::npos;) {
    rest.remove_prefix(at + words.size());
    std::string_view line = rest.substr(0, rest.find('\n'));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
    if (before != 0) line.remove_prefix(std::min(line.size(), line.find(before) + 1));
    std::uintptr_t value = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), value, 16).ec == std::errc()) take(value);
  }
  return true;
}

// A POSIX message queue's. The system's own record of one: flags, most messages, bytes of one, messages there, and
// room.
bool holds_messages(int number) noexcept {
  constexpr std::size_t kThere = 3;
  std::array<long, 8> record{};
  return raw_syscall(SYS_mq_getsetattr, number, 0, reinterpret_cast<long>(record.data())) == 0 && record[kThere] > 0;
}

// The numbers of each line of a list of System V's: key, id, access, and what else that list has.
using IpcFields = std::array<std::uint64_t, 16>;
template <class Take>
void each_ipc(const char* path, Take&& take) noexcept {
  OwnVector<char> text;
  if (!read_whole(path, text)) return;  // a system without them
  std::string_view rest(text.data(), text.size());
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    IpcFields fields{};
    for (std::uint64_t& field : fields) {
      line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
      const char* const end = line.data() + line.size();
      line.remove_prefix(static_cast<std::size_t>(std::from_chars(line.data(), end, field).ptr - line.data()));
      line.remove_prefix(std::min(line.size(), line.find(' ')));
    }
    take(fields);
  }
}

// Whether messages wait in a queue of System V's to which this process was the last to send. Its fields: bytes,
// messages, who sent last.
bool has_sent_messages() noexcept {
  const auto self = static_cast<std::uint64_t>(raw_syscall(SYS_getpid));
  bool any = false;
  each_ipc("/proc/sysvipc/msg", [&](const IpcFields& queue) { any = any || (queue[4] != 0 && queue[5] == self); });
  return any;
}

// Whether this process attaches a segment of System V's shared memory: its id is what a mapping of it shows as inode.
bool is_attached(std::uint64_t id) noexcept {
  OwnVector<char> text;
  if (!read_whole("/proc/self/maps", text)) return false;
  const std::string_view maps(text.data(), text.size());
  FixedText<48> inode;
  inode << " " << id << " ";
  for (std::size_t at = 0; (at = maps.find(" /SYSV", at)) != std::string_view::npos; ++at) {
    const std::size_t begin = maps.rfind('\n', at) + 1;  // npos + 1 is 0
    if (maps.substr(begin, at + 1 - begin).find(inode.view()) != std::string_view::npos) return true;
  }
  return false;
}

// Whether this process made a segment of shared memory, or was the last to attach it, that has contents and is not
// attached. Its fields: size, who made it, who attached or detached it last, ..., bytes in memory and swapped out.
bool has_detached_memory() noexcept {
  const auto self = static_cast<std::uint64_t>(raw_syscall(SYS_getpid));
  bool any = false;
  each_ipc("/proc/sysvipc/shm", [&](const IpcFields& segment) {
    const bool is_ours = segment[4] == self || segment[5] == self;
    const bool has_contents = (segment[14] | segment[15]) != 0;
    any = any || (is_ours && has_contents && !is_attached(segment[1]));
  });
  return any;
}

// Whether signals wait, to this process or one of its threads, that a program sends itself with a value.
bool has_signals_with_values() noexcept {
  constexpr std::uint64_t kFirstOfProgram = 34;  // of the real-time signals, behind libc's own two
  constexpr std::uint64_t kWithValues =
      ~std::uint64_t{0} << (kFirstOfProgram - 1) | 1ULL << (SIGUSR1 - 1) | 1ULL << (SIGUSR2 - 1);
  bool any = false;
  const auto look = [&](std::uintptr_t set) { any = any || (set & kWithValues) != 0; };
  const bool known = each_number_after("/proc/self/status", "\nShdPnd:", '\t', look);
  for (const int tid : kernel_threads()) {
    FixedText<48> path;
    path << "/proc/self/task/" << tid << "/status";
    static_cast<void>(each_number_after(path.c_str(), "\nSigPnd:", '\t', look));  // gone: it has none
  }
  return any || !known;
}

bool may_write(int number) noexcept { return (raw_syscall(SYS_fcntl, number, F_GETFL) & O_ACCMODE) != O_RDONLY; }

// Whether the bytes in that pipe may be this process's: one of its descriptors can write into it.
bool is_written_here(const Descriptor& pipe, const OwnVector<Descriptor>& all) noexcept {
  return std::ranges::any_of(
      all, [&](const Descriptor& other) { return other.is.view() == pipe.is.view() && may_write(other.number); });
}

// A file that is memory, and can be read back: one without a name, or in /dev/shm.
bool is_memory(const Descriptor& file) noexcept {
  struct stat about {};
  if (raw_syscall(SYS_fstat, file.number, reinterpret_cast<long>(&about)) != 0 || !S_ISREG(about.st_mode)) return false;
  const bool is_nameless = about.st_nlink == 0 || file.is.view().starts_with("/dev/shm/");
  return is_nameless && (raw_syscall(SYS_fcntl, file.number, F_GETFL) & O_ACCMODE) == O_RDWR;
}

// Every word of it, but for holes. False: it cannot be read whole, or is too large.
bool each_word_of(const Descriptor& file, WordVisitor visit, void* context) noexcept {
  constexpr long kMost = 64L << 20U;  // bytes
  constexpr std::uintptr_t kPlace = std::uintptr_t{1} << 62U;
  FixedText<48> path;
  path << "/proc/self/fd/" << file.number;
  const OpenFile again(path.c_str());  // for a position of our own
  if (again.fd() < 0) return false;
  alignas(8) std::array<std::uintptr_t, 1024> words;
  long done = 0;
  for (long at = 0; (at = raw_syscall(SYS_lseek, again.fd(), at, SEEK_DATA)) >= 0;) {
    at &= ~7L;
    words.fill(0);
    const long n = raw_syscall(SYS_pread64, again.fd(), reinterpret_cast<long>(words.data()), sizeof(words), at);
    if (n < 0 || done > kMost) return false;
    if (n == 0) return true;
    visit(std::span(words).first((static_cast<std::size_t>(n) + 7) / 8), kPlace + static_cast<std::uintptr_t>(at),
          context);
    at += n;
    done += n;
  }
  return true;  // no data behind it
}

}  // namespace

void posix_timer_made() noexcept { has_posix_timers.store(true, std::memory_order_relaxed); }

bool each_kernel_word(WordVisitor visit, void* context) noexcept {
  const auto take = [&](std::uintptr_t word) { visit({&word, 1}, 0, context); };
  if (has_posix_timers.load(std::memory_order_relaxed) &&
      !each_number_after("/proc/self/timers", "signal:", '/', take)) {
    return false;
  }
  if (has_sent_messages() || has_signals_with_values() || has_detached_memory()) return false;
  OwnVector<int> numbers;
  if (!descriptors(numbers)) return false;
  OwnVector<Descriptor> all;
  for (const int number : numbers) {
    const Descriptor& one = all.emplace_back(look_at(number));
    if (one.is.view() == "anon_inode:[io_uring]") return false;
    if (one.is.view() == "anon_inode:[eventpoll]") {
      FixedText<48> path;
      path << "/proc/self/fdinfo/" << number;
      if (!each_number_after(path.c_str(), "data:", 0, take)) return false;
    }
    if (one.is.view().starts_with('/') && holds_messages(number)) return false;
    if (one.is.view().starts_with('/') && is_memory(one) && !each_word_of(one, visit, context)) return false;
    if (one.is.view().starts_with("socket:") && holds_bytes(number) && is_unix_socket(number)) return false;
  }
  return std::ranges::none_of(all, [&](const Descriptor& one) {
    return one.is.view().starts_with("pipe:") && holds_bytes(one.number) && is_written_here(one, all);
  });
}

}  // namespace vigil::shim::leaks
