#include "interpose/watched_children.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "interpose/fixed_text.hpp"
#include "interpose/helper.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/proc_file.hpp"

namespace vigil::shim {
namespace {

using ProcPath = FixedText<96>;
using FileWords = FixedText<64>;

// The n-th word, from 0. "" when there are fewer.
std::string_view nth_word(std::string_view line, int n) noexcept {
  for (std::size_t at = 0; (at = line.find_first_not_of(' ', at)) != std::string_view::npos; --n) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    if (n == 0) return line.substr(at, end - at);
    at = end;
  }
  return {};
}

// "08:01 1234 ", device and inode, as every process's maps name the file of this library.
FileWords own_library() noexcept {
  constexpr int kDevice = 3;
  static const char anchor = 0;  // an address inside this library
  const auto inside = reinterpret_cast<std::uintptr_t>(&anchor);
  FileWords file;
  any_line("/proc/self/maps", [&](std::string_view line) {
    const char* const end = line.data() + line.size();
    std::uintptr_t low = 0;
    std::uintptr_t high = 0;
    const auto first = std::from_chars(line.data(), end, low, 16);
    if (first.ec != std::errc() || first.ptr == end) return false;
    if (std::from_chars(first.ptr + 1, end, high, 16).ec != std::errc() || inside < low || inside >= high) return false;
    file << nth_word(line, kDevice) << " " << nth_word(line, kDevice + 1) << " ";
    return true;
  });
  return file;
}

enum class Below : std::uint8_t { Gone, Forked, Started };

Below kind_of(int pid) noexcept {
  constexpr int kFlags = 6;                    // behind the name
  constexpr unsigned kForkedAndNoExec = 0x40;  // the kernel's PF_FORKNOEXEC
  ProcPath path;
  path << "/proc/" << pid << "/stat";
  Below kind = Below::Gone;
  any_line(path.c_str(), [&](std::string_view line) {
    // The name is in brackets and may hold anything.
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string_view::npos) return true;
    line.remove_prefix(name_end + 1);
    const std::string_view state = nth_word(line, 0);
    if (state.empty() || state == "Z" || state == "X") return true;
    unsigned flags = 0;
    const std::string_view digits = nth_word(line, kFlags);
    std::from_chars(digits.data(), digits.data() + digits.size(), flags);
    kind = (flags & kForkedAndNoExec) != 0 ? Below::Forked : Below::Started;
    return true;
  });
  return kind;
}

bool has_loaded(int pid, std::string_view file) noexcept {
  ProcPath path;
  path << "/proc/" << pid << "/maps";
  return any_line(path.c_str(), [&](std::string_view line) { return line.find(file) != std::string_view::npos; });
}

void add_children(int pid, OwnVector<int>& to) noexcept {
  ProcPath threads;
  threads << "/proc/" << pid << "/task";
  for (const int tid : numbers_in(threads.c_str())) {
    ProcPath path;
    path << threads.view() << "/" << tid << "/children";
    any_line(path.c_str(), [&](std::string_view line) {
      int child = 0;
      for (int n = 0; !nth_word(line, n).empty(); ++n) {
        const std::string_view digits = nth_word(line, n);
        if (std::from_chars(digits.data(), digits.data() + digits.size(), child).ec == std::errc()) to.push_back(child);
      }
      return false;
    });
  }
}

bool has_one_thread() noexcept {
  return std::ranges::count_if(kernel_threads(), [](int tid) { return !is_helper(tid); }) == 1;
}

}  // namespace

Children children_waited_for() noexcept {
  constexpr std::size_t kMost = 1000;
  if (!has_one_thread()) return Children::None;
  OwnVector<int> below;
  const int self = static_cast<int>(raw_syscall(SYS_getpid));
  add_children(self, below);
  if (below.empty()) return Children::None;
  if (!kernel_sleeps(self)) return Children::Unwatched;
  const FileWords file = own_library();
  Children found = Children::None;
  for (std::size_t i = 0; i < below.size() && i < kMost; ++i) {
    const Below kind = kind_of(below[i]);
    if (kind == Below::Gone) continue;
    found = Children::Unwatched;
    if (kind == Below::Started && !file.view().empty() && has_loaded(below[i], file.view())) return Children::Watched;
    add_children(below[i], below);
  }
  return found;
}

}  // namespace vigil::shim
