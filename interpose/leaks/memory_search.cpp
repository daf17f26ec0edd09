#include "interpose/leaks/memory_search.hpp"

#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "interpose/leaks/forced_reader.hpp"
#include "interpose/leaks/open_file.hpp"
#include "interpose/leaks/touched_pages.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::leaks {
namespace {

constexpr std::size_t kPage = TouchedPages::kPage;
constexpr std::size_t kPiece = 64U << 10U;                     // bytes read at once
constexpr std::size_t kMostAddresses = std::size_t{1} << 38U;  // bytes of mappings looked at: 256 GiB
constexpr std::size_t kLarge = std::size_t{1} << 30U;          // bytes of a mapping that is often empty
constexpr std::size_t kMostShared = 64U << 20U;  // bytes of one shared mapping: reading makes its holes memory

enum class Sort : std::uint8_t {
  Data,
  Code,     // of it counts what the program wrote itself, as who compiles at run time does
  Hidden,   // nobody may read it at present; it has contents all the same
  Nothing,  // of the kernel's
  Secret,   // nobody can read it from outside
};
struct Mapping {
  AddressRange range;
  Sort sort = Sort::Nothing;
  bool is_readable = false;
  bool is_shared = false;
  bool shows_file = false;
};

Sort sort_of(std::string_view access, std::string_view line) noexcept {
  if (line.find(" [v") != std::string_view::npos) return Sort::Nothing;  // [vdso], [vvar], [vsyscall]
  if (line.find(" /secretmem") != std::string_view::npos) return Sort::Secret;
  const bool is_private_code = access[2] == 'x' && access[1] != 'w' && access[3] == 'p';
  if (is_private_code) return Sort::Code;
  return access[0] == 'r' ? Sort::Data : Sort::Hidden;
}

// A line of /proc/self/maps: "low-high rwxp offset device inode   name".
bool parse(std::string_view line, Mapping& mapping) noexcept {
  AddressRange& range = mapping.range;
  const char* const end = line.data() + line.size();
  const auto low = std::from_chars(line.data(), end, range.low, 16);
  if (low.ec != std::errc() || low.ptr == end) return false;
  const auto high = std::from_chars(low.ptr + 1, end, range.high, 16);
  if (high.ec != std::errc() || end - high.ptr < 5) return false;
  const std::string_view access(high.ptr + 1, 4);
  mapping.sort = sort_of(access, line);
  mapping.is_readable = access[0] == 'r';
  mapping.is_shared = access[3] == 's';
  mapping.shows_file = line.find('/') != std::string_view::npos;
  return true;
}

// Whether the program may have data there that it can read now.
bool parse_data(std::string_view line, Mapping& mapping) noexcept {
  return parse(line, mapping) && mapping.sort == Sort::Data;
}

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

bool MemorySearch::read(AddressRange range, Visitor visit, void* context, ForcedReader* forced) noexcept {
  alignas(8) std::array<std::uintptr_t, kPiece / 8 / 4> words;  // a quarter: it lies on a small stack
  const long pid = raw_syscall(SYS_getpid);
  const auto get = [&](std::uintptr_t at, std::size_t bytes) -> long {
    if (forced != nullptr) return static_cast<long>(forced->read(at, words.data(), bytes));
    const iovec here{words.data(), bytes};
    const iovec there{reinterpret_cast<void*>(at), bytes};
    return raw_syscall(SYS_process_vm_readv, pid, reinterpret_cast<long>(&here), 1, reinterpret_cast<long>(&there), 1,
                       0);
  };
  for (std::uintptr_t at = (range.low + 7) & ~std::uintptr_t{7}; at + 8 <= range.high;) {
    const std::size_t bytes = std::min(sizeof(words), (range.high - at) & ~std::size_t{7});
    const long got = get(at, bytes);
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

// One run over all mappings: what it has looked at, and with what.
struct MemorySearch::Run {
  Visitor visit;
  void* context;
  const std::size_t most_bytes;
  TouchedPages touched{};
  ForcedReader forced{};
  std::size_t addresses = 0;
  std::size_t bytes_read = 0;

  bool read(AddressRange range, const Mapping& mapping) noexcept {
    bytes_read += range.high - range.low;
    if (bytes_read > most_bytes) return false;
    if (mapping.is_readable) return MemorySearch::read(range, visit, context, nullptr);
    return forced.works() && MemorySearch::read(range, visit, context, &forced);
  }

  // What this process has not touched itself may hold something all the same.
  bool search_shared(AddressRange range, const Mapping& mapping) noexcept {
    return range.high - range.low <= kMostShared && read(range, mapping);
  }

  bool search_private(AddressRange range, const Mapping& mapping) noexcept {
    const AddressRange pages{range.low & ~(kPage - 1), (range.high + kPage - 1) & ~(kPage - 1)};
    if (!touched.are_known()) {
      if (mapping.sort == Sort::Code && mapping.shows_file) return true;
      return mapping.sort == Sort::Hidden ? touched.is_empty(pages) : read(range, mapping);
    }
    if (range.high - range.low > kLarge && touched.is_empty(pages)) return true;
    addresses += range.high - range.low;
    if (addresses > kMostAddresses) return false;
    const auto which = mapping.sort == Sort::Code ? TouchedPages::Which::OwnCopies : TouchedPages::Which::All;
    return touched.each_run(pages, which, [&](AddressRange run) {
      return read({std::max(run.low, range.low), std::min(run.high, range.high)}, mapping);
    });
  }

  bool search(AddressRange range, const Mapping& mapping) noexcept {
    if (range.low >= range.high || mapping.sort == Sort::Nothing) return true;
    if (mapping.sort == Sort::Secret) return false;
    return mapping.is_shared ? search_shared(range, mapping) : search_private(range, mapping);
  }
};

bool MemorySearch::run(Visitor visit, void* context) noexcept {
  std::sort(left_out_.begin(), left_out_.end(),
            [](const AddressRange& a, const AddressRange& b) { return a.low < b.low; });
  OwnVector<char> maps;
  if (!read_whole("/proc/self/maps", maps)) return false;
  Run run{.visit = visit, .context = context, .most_bytes = most_bytes_};
  bool all = true;
  std::string_view text(maps.data(), maps.size());
  while (!text.empty() && all) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    Mapping mapping;
    if (!parse(line, mapping)) continue;
    AddressRange range = mapping.range;
    for (const AddressRange& out : left_out_) {
      if (out.high <= range.low) continue;
      if (out.low >= range.high) break;
      all = all && run.search({range.low, out.low}, mapping);
      range.low = std::max(range.low, out.high);
      if (range.low >= range.high) break;
    }
    all = all && run.search(range, mapping);
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
    if (parse_data(line, mapping) && mapping.range.holds(address)) return line;
  }
  return {};
}

AddressRange Mappings::holding(std::uintptr_t address) const noexcept {
  Mapping mapping;
  return parse_data(line_at(address), mapping) ? mapping.range : AddressRange{};
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
  return !parse_data(line_at(address), mapping) || mapping.is_shared;
}

}  // namespace vigil::shim::leaks
