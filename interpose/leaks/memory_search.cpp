#include "interpose/leaks/memory_search.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "interpose/raw_syscall.hpp"

namespace vigil::shim::leaks {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPiece = 64U << 10U;                     // bytes read at once
constexpr std::size_t kMostAddresses = std::size_t{1} << 38U;  // bytes of mappings looked at: 256 GiB
constexpr std::size_t kMostShared = 64U << 20U;  // bytes of one shared mapping: reading makes its holes memory

class OpenFile {
 public:
  explicit OpenFile(const char* path) noexcept
      : fd_(raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) raw_syscall(SYS_close, fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] long fd() const noexcept { return fd_; }

 private:
  const long fd_;
};

struct Mapping {
  AddressRange range;
  bool is_shared = false;
};

// A line of /proc/self/maps: "low-high rwxp offset device inode   name". Whether the program may have written there.
bool parse(std::string_view line, Mapping& mapping) noexcept {
  AddressRange& range = mapping.range;
  const char* const end = line.data() + line.size();
  const auto low = std::from_chars(line.data(), end, range.low, 16);
  if (low.ec != std::errc() || low.ptr == end) return false;
  const auto high = std::from_chars(low.ptr + 1, end, range.high, 16);
  if (high.ec != std::errc() || end - high.ptr < 5) return false;
  const std::string_view access(high.ptr + 1, 4);
  const bool is_code = access[2] == 'x' && access[1] != 'w';
  mapping.is_shared = access[3] == 's';
  return access[0] == 'r' && !is_code && !line.ends_with("[vvar]") && !line.ends_with("[vsyscall]");
}

// Which pages have contents, in memory or swapped out; all of them where the kernel does not say.
class TouchedPages {
 public:
  // Calls visit(AddressRange) for each run of touched pages of `range`, until it returns false.
  template <class Visit>
  bool each_run(AddressRange range, Visit&& visit) noexcept {
    if (page_map_.fd() < 0) return visit(range);
    for (std::uintptr_t at = range.low; at < range.high;) {
      const std::size_t pages = std::min(entries_.size(), (range.high - at) / kPage);
      const long got = raw_syscall(SYS_pread64, page_map_.fd(), reinterpret_cast<long>(entries_.data()),
                                   static_cast<long>(pages * sizeof(std::uint64_t)),
                                   static_cast<long>(at / kPage * sizeof(std::uint64_t)));
      if (got != static_cast<long>(pages * sizeof(std::uint64_t))) return visit(AddressRange{at, range.high});
      for (std::size_t page = 0; page < pages;) {
        std::size_t last = page;
        while (last < pages && is_touched(entries_[last])) ++last;
        if (last > page && !visit(AddressRange{at + page * kPage, at + last * kPage})) return false;
        page = std::max(last, page + 1);
      }
      at += pages * kPage;
    }
    return true;
  }

 private:
  static bool is_touched(std::uint64_t entry) noexcept { return entry >> 62U != 0; }
  OpenFile page_map_{"/proc/self/pagemap"};
  std::array<std::uint64_t, 512> entries_{};
};

}  // namespace

bool read_whole(const char* path, OwnVector<char>& text) noexcept {
  const OpenFile file(path);
  if (file.fd() < 0) return false;
  while (true) {
    const std::size_t had = text.size();
    text.resize(had + kPiece);
    const long n = raw_syscall(SYS_read, file.fd(), reinterpret_cast<long>(text.data() + had), kPiece);
    text.resize(had + (n > 0 ? static_cast<std::size_t>(n) : 0));
    if (n <= 0) return n == 0;
  }
}

std::size_t MemorySearch::read_bytes(std::uintptr_t from, void* to, std::size_t bytes) noexcept {
  const iovec here{to, bytes};
  const iovec there{reinterpret_cast<void*>(from), bytes};
  const long got = raw_syscall(SYS_process_vm_readv, raw_syscall(SYS_getpid), reinterpret_cast<long>(&here), 1,
                               reinterpret_cast<long>(&there), 1, 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

bool MemorySearch::read(AddressRange range, Visitor visit, void* context) noexcept {
  alignas(8) std::array<std::uintptr_t, kPiece / 8 / 4> words;  // a quarter: it lies on a small stack
  const long pid = raw_syscall(SYS_getpid);
  for (std::uintptr_t at = (range.low + 7) & ~std::uintptr_t{7}; at + 8 <= range.high;) {
    const std::size_t bytes = std::min(sizeof(words), (range.high - at) & ~std::size_t{7});
    const iovec here{words.data(), bytes};
    const iovec there{reinterpret_cast<void*>(at), bytes};
    const long got =
        raw_syscall(SYS_process_vm_readv, pid, reinterpret_cast<long>(&here), 1, reinterpret_cast<long>(&there), 1, 0);
    if (got < 0 && got != -EFAULT) return false;
    if (got < 8) {
      // A guard, or behind the end of a file: nobody can read it.
      at = (at / kPage + 1) * kPage;
      continue;
    }
    visit(std::span(words).first(static_cast<std::size_t>(got) / 8), at, context);
    at += static_cast<std::size_t>(got) & ~std::size_t{7};
  }
  return true;
}

bool MemorySearch::run(Visitor visit, void* context) noexcept {
  std::sort(left_out_.begin(), left_out_.end(),
            [](const AddressRange& a, const AddressRange& b) { return a.low < b.low; });
  OwnVector<char> maps;
  if (!read_whole("/proc/self/maps", maps)) return false;
  TouchedPages touched;
  std::size_t addresses = 0;
  std::size_t bytes_read = 0;
  bool all = true;
  const auto search = [&](AddressRange range, bool is_shared) {
    if (range.low >= range.high) return;
    if (is_shared) {
      // What this process has not touched itself may hold something all the same.
      bytes_read += range.high - range.low;
      all = all && range.high - range.low <= kMostShared && bytes_read <= most_bytes_ && read(range, visit, context);
      return;
    }
    addresses += range.high - range.low;
    all = all && addresses <= kMostAddresses;
    const AddressRange pages{range.low & ~(kPage - 1), (range.high + kPage - 1) & ~(kPage - 1)};
    all = all && touched.each_run(pages, [&](AddressRange run) {
      run = {std::max(run.low, range.low), std::min(run.high, range.high)};
      bytes_read += run.high - run.low;
      return bytes_read <= most_bytes_ && read(run, visit, context);
    });
  };
  std::string_view text(maps.data(), maps.size());
  while (!text.empty() && all) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    Mapping mapping;
    if (!parse(line, mapping)) continue;
    AddressRange& range = mapping.range;
    for (const AddressRange& out : left_out_) {
      if (out.high <= range.low) continue;
      if (out.low >= range.high) break;
      search({range.low, out.low}, mapping.is_shared);
      range.low = std::max(range.low, out.high);
      if (range.low >= range.high) break;
    }
    search(range, mapping.is_shared);
  }
  return all;
}

Mappings::Mappings() noexcept {
  if (!read_whole("/proc/self/maps", text_)) text_.clear();
}

std::string_view Mappings::line_at(std::uintptr_t address) const noexcept {
  std::string_view rest(text_.data(), text_.size());
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    Mapping mapping;
    if (parse(line, mapping) && mapping.range.holds(address)) return line;
  }
  return {};
}

AddressRange Mappings::holding(std::uintptr_t address) const noexcept {
  Mapping mapping;
  return parse(line_at(address), mapping) ? mapping.range : AddressRange{};
}

FixedText<64> Mappings::name_at(std::uintptr_t address) const noexcept {
  std::string_view line = line_at(address);
  for (int field = 0; field < 5; ++field) {
    line.remove_prefix(std::min(line.size(), line.find(' ')));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
  }
  return FixedText<64>() << line;
}

bool Mappings::is_shared_at(std::uintptr_t address) const noexcept {
  Mapping mapping;
  return !parse(line_at(address), mapping) || mapping.is_shared;
}

}  // namespace vigil::shim::leaks
