// Touched pages: which pages of private memory have contents, in memory or swapped out.
//
// From newer kernels (6.7) a list of runs, which costs nothing for what is empty; else a word for each page, and for
// very large mappings first whether they have any page at all. What the kernel does not show counts as touched.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "interpose/leaks/open_file.hpp"
#include "interpose/own_mappings.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::leaks {

class TouchedPages {
 public:
  static constexpr std::size_t kPage = 4096;
  enum class Which : std::uint8_t {
    All,
    OwnCopies,  // not those that show a file's contents
  };
  enum class Way : std::uint8_t { Runs, EachPage };
  // EachPage: also where the kernel gives runs.
  explicit TouchedPages(Way way = Way::Runs) noexcept : way_(way) {}

  // Whether the kernel says which pages these are.
  [[nodiscard]] bool are_known() const noexcept { return page_map_.fd() >= 0; }
  // Calls visit(AddressRange) for each run of such pages of `range`, whole pages, until it returns false. Demands
  // are_known().
  template <class Visit>
  bool each_run(AddressRange range, Which which, Visit&& visit) noexcept {
    for (std::uintptr_t at = range.low; at < range.high;) {
      const std::size_t found = next_runs({at, range.high}, which);
      for (std::size_t i = 0; i < found; ++i) {
        if (!visit(runs_[i])) return false;
      }
      at = looked_to_;
    }
    return true;
  }
  // Whether no page of it is touched, as the sums over whole mappings say: false may mean that another part is.
  [[nodiscard]] bool is_empty(AddressRange range) noexcept;

 private:
  // Into runs_, from the begin of the range on; up to looked_to_, which is beyond that.
  std::size_t next_runs(AddressRange range, Which which) noexcept;
  std::size_t next_runs_at_once(AddressRange range, Which which) noexcept;
  std::size_t next_runs_by_page(AddressRange range, Which which) noexcept;
  void sum_mappings() noexcept;

  const OpenFile page_map_{"/proc/self/pagemap"};
  Way way_;
  std::array<AddressRange, 256> runs_{};
  std::uintptr_t looked_to_ = 0;
  bool summed_ = false;
  bool sums_are_known_ = false;
  OwnVector<AddressRange> not_empty_;  // mappings; then
};

}  // namespace vigil::shim::leaks
