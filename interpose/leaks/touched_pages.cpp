#include "interpose/leaks/touched_pages.hpp"

#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <charconv>
#include <string_view>

#include "interpose/leaks/memory_search.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::leaks {
namespace {

// The kernel's PAGEMAP_SCAN (linux/fs.h since 6.7), which older headers do not have.
struct PageRegion {
  std::uint64_t low;
  std::uint64_t high;
  std::uint64_t categories;
};
struct ScanRequest {
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t low;
  std::uint64_t high;
  std::uint64_t looked_to;
  std::uint64_t regions;
  std::uint64_t most_regions;
  std::uint64_t most_pages;
  std::uint64_t inverted;
  std::uint64_t all_of;
  std::uint64_t any_of;
  std::uint64_t returned;
};
constexpr auto kScan = static_cast<long>(_IOWR('f', 16, ScanRequest));
constexpr std::uint64_t kIsFile = 1U << 2U;
constexpr std::uint64_t kIsPresent = 1U << 3U;
constexpr std::uint64_t kIsSwapped = 1U << 4U;

// A word of /proc/self/pagemap.
constexpr std::uint64_t kShowsFile = 1ULL << 61U;
constexpr std::uint64_t kTouched = 3ULL << 62U;  // present, or swapped out

}  // namespace

std::size_t TouchedPages::next_runs(AddressRange range, Which which) noexcept {
  return way_ == Way::Runs ? next_runs_at_once(range, which) : next_runs_by_page(range, which);
}

std::size_t TouchedPages::next_runs_at_once(AddressRange range, Which which) noexcept {
  std::array<PageRegion, 128> regions;
  ScanRequest request{};
  request.size = sizeof(request);
  request.low = range.low;
  request.high = range.high;
  request.regions = reinterpret_cast<std::uint64_t>(regions.data());
  request.most_regions = regions.size();
  request.any_of = kIsPresent | kIsSwapped;
  request.returned = kIsPresent | kIsSwapped;
  if (which == Which::OwnCopies) request.inverted = request.all_of = kIsFile;
  const long found = raw_syscall(SYS_ioctl, page_map_.fd(), kScan, reinterpret_cast<long>(&request));
  if (found < 0 || request.looked_to <= range.low) {
    way_ = Way::EachPage;
    return next_runs_by_page(range, which);
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(found); ++i) runs_[i] = {regions[i].low, regions[i].high};
  looked_to_ = request.looked_to;
  return static_cast<std::size_t>(found);
}

std::size_t TouchedPages::next_runs_by_page(AddressRange range, Which which) noexcept {
  std::array<std::uint64_t, 2 * std::tuple_size_v<decltype(runs_)>> entries;
  const std::size_t pages = std::min(entries.size(), (range.high - range.low) / kPage);
  const auto bytes = static_cast<long>(pages * sizeof(std::uint64_t));
  const long got = raw_syscall(SYS_pread64, page_map_.fd(), reinterpret_cast<long>(entries.data()), bytes,
                               static_cast<long>(range.low / kPage * sizeof(std::uint64_t)));
  if (got != bytes) {
    looked_to_ = range.high;
    runs_[0] = range;
    return 1;
  }
  const auto counts = [&](std::uint64_t entry) {
    return (entry & kTouched) != 0 && (which == Which::All || (entry & kShowsFile) == 0);
  };
  std::size_t found = 0;
  for (std::size_t page = 0; page < pages; ++page) {
    if (!counts(entries[page])) continue;
    const std::size_t first = page;
    while (page < pages && counts(entries[page])) ++page;
    runs_[found++] = {range.low + first * kPage, range.low + page * kPage};
  }
  looked_to_ = range.low + pages * kPage;
  return found;
}

// Of each mapping: a line "low-high ...", and then lines "Name:   number kB".
void TouchedPages::sum_mappings() noexcept {
  summed_ = true;
  OwnVector<char> text;
  if (!read_whole("/proc/self/smaps", text)) return;
  std::string_view rest(text.data(), text.size());
  AddressRange mapping{};
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const char* const end = line.data() + line.size();
    AddressRange next{};
    const auto low = std::from_chars(line.data(), end, next.low, 16);
    if (low.ec == std::errc() && low.ptr != end && *low.ptr == '-' &&
        std::from_chars(low.ptr + 1, end, next.high, 16).ec == std::errc()) {
      mapping = next;
      continue;
    }
    const bool counts = line.starts_with("Rss:") || line.starts_with("Swap:") || line.starts_with("Private_Hugetlb:") ||
                        line.starts_with("Shared_Hugetlb:");
    const bool is_some = line.find_first_of("123456789") != std::string_view::npos;
    const bool is_new = not_empty_.empty() || not_empty_.back().low != mapping.low;
    if (counts && is_some && is_new) not_empty_.push_back(mapping);
  }
  sums_are_known_ = true;
}

bool TouchedPages::is_empty(AddressRange range) noexcept {
  if (!summed_) sum_mappings();
  return sums_are_known_ && std::ranges::none_of(not_empty_, [&](const AddressRange& one) {
           return one.low < range.high && range.low < one.high;
         });
}

}  // namespace vigil::shim::leaks
