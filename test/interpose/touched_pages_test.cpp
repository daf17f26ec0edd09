#include "interpose/leaks/touched_pages.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "interpose/leaks/forced_reader.hpp"

namespace vigil::shim::leaks {
namespace {

constexpr std::size_t kPage = TouchedPages::kPage;

// 2000 pages, of which some were written to, and which nobody may read by now.
class ClosedPages {
 public:
  ClosedPages() {
    void* const at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    low_ = reinterpret_cast<std::uintptr_t>(at);
    madvise(at, kBytes, MADV_NOHUGEPAGE);
    for (const std::size_t page : {0UL, 7UL, 8UL, 9UL, 600UL, 1999UL}) word(page) = page + 1;
    mprotect(at, kBytes, PROT_NONE);
  }
  ~ClosedPages() { munmap(reinterpret_cast<void*>(low_), kBytes); }
  ClosedPages(const ClosedPages&) = delete;
  ClosedPages& operator=(const ClosedPages&) = delete;
  [[nodiscard]] AddressRange range() const { return {low_, low_ + kBytes}; }
  [[nodiscard]] std::uint64_t& word(std::size_t page) const {
    return *reinterpret_cast<std::uint64_t*>(low_ + page * kPage);
  }

 private:
  static constexpr std::size_t kBytes = 2000 * kPage;
  std::uintptr_t low_ = 0;
};

// The numbers of the pages found.
std::vector<std::size_t> pages_found(const ClosedPages& pages, TouchedPages::Way way, TouchedPages::Which which) {
  TouchedPages touched(way);
  std::vector<std::size_t> found;
  EXPECT_TRUE(touched.each_run(pages.range(), which, [&](AddressRange run) {
    for (std::uintptr_t at = run.low; at < run.high; at += kPage) found.push_back((at - pages.range().low) / kPage);
    return true;
  }));
  return found;
}

TEST(TouchedPages, BothWaysFindThoseWithContents) {
  if (!TouchedPages().are_known()) GTEST_SKIP() << "the kernel does not show them";
  const ClosedPages pages;
  const std::vector<std::size_t> written{0, 7, 8, 9, 600, 1999};
  for (const auto which : {TouchedPages::Which::All, TouchedPages::Which::OwnCopies}) {
    EXPECT_EQ(pages_found(pages, TouchedPages::Way::Runs, which), written);
    EXPECT_EQ(pages_found(pages, TouchedPages::Way::EachPage, which), written);
  }
}

TEST(TouchedPages, AMappingWithoutContentsIsEmpty) {
  constexpr std::size_t kBytes = std::size_t{1} << 40U;
  void* const at = mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(at, MAP_FAILED);
  const auto low = reinterpret_cast<std::uintptr_t>(at);
  const ClosedPages pages;
  TouchedPages touched;
  // What lies beside it may be one mapping with it.
  EXPECT_TRUE(touched.is_empty({low + kBytes / 4, low + kBytes / 2}));
  EXPECT_FALSE(touched.is_empty(pages.range()));
  munmap(at, kBytes);
}

TEST(ForcedReader, ReadsWhatNobodyMayRead) {
  ForcedReader reader;
  if (!reader.works()) GTEST_SKIP() << "the kernel forbids it";
  const ClosedPages pages;
  std::uint64_t word = 0;
  EXPECT_EQ(reader.read(pages.range().low + 600 * kPage, &word, sizeof(word)), sizeof(word));
  EXPECT_EQ(word, 601);
}

}  // namespace
}  // namespace vigil::shim::leaks
