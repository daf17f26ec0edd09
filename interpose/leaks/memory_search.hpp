// Memory search: every word that the program has in memory, a piece at a time.
//
// Read are all mappings that can hold what the program wrote: private ones and shared ones, libraries' data, heap,
// stacks, and those that nobody may read at present (as a debugger would); of them the pages that were ever touched.
// Of code, the pages that the program wrote itself. Left out is what the caller leaves out. Read through the kernel, so
// that a mapping which goes meanwhile is an error and no crash.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "interpose/fixed_text.hpp"
#include "interpose/own_mappings.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::leaks {

class ForcedReader;

class MemorySearch {
 public:
  static constexpr std::size_t kMost = std::size_t{4} << 30U;  // bytes; some two seconds
  explicit MemorySearch(std::size_t most_bytes = kMost) noexcept : most_bytes_(most_bytes) {}
  // So many more ranges are left out: the list of them takes its memory now.
  void expect(std::size_t ranges) noexcept { left_out_.reserve(left_out_.size() + ranges); }
  // The ranges may come in any order, and overlap.
  void leave_out(AddressRange range) noexcept { left_out_.push_back(range); }
  // Calls visit(span of words, where they lie) for all the rest. False: it could not be read whole, or is more than may
  // be read.
  template <class Visit>
  [[nodiscard]] bool run(Visit& visit) noexcept {
    return run(&call<Visit>, &visit);
  }
  // One range of it, whatever was left out.
  template <class Visit>
  [[nodiscard]] static bool read(AddressRange range, Visit& visit) noexcept {
    return read(range, &call<Visit>, &visit, nullptr);
  }

  // As many of those bytes as can be read, wherever they lie.
  static std::size_t read_bytes(std::uintptr_t from, void* to, std::size_t bytes) noexcept;
  static bool read_word(std::uintptr_t from, std::uintptr_t& word) noexcept {
    return read_bytes(from, &word, sizeof(word)) == sizeof(word);
  }

 private:
  using Visitor = void (*)(std::span<const std::uintptr_t> words, std::uintptr_t at, void* context);
  template <class Visit>
  static void call(std::span<const std::uintptr_t> words, std::uintptr_t at, void* context) {
    (*static_cast<Visit*>(context))(words, at);
  }
  bool run(Visitor visit, void* context) noexcept;
  // forced: null where the program may read it.
  static bool read(AddressRange range, Visitor visit, void* context, ForcedReader* forced) noexcept;
  struct Run;

  const std::size_t most_bytes_;
  OwnVector<AddressRange> left_out_;
};

// All that a file of /proc says, as it is now. False: it cannot be read.
bool read_whole(const char* path, OwnVector<char>& text) noexcept;

// The process's mappings, as they were when it was made.
class Mappings {
 public:
  Mappings() noexcept;
  // Empty: there is none that the program may have written to.
  [[nodiscard]] AddressRange holding(std::uintptr_t address) const noexcept;
  // As the system calls it, "" when it has no name.
  [[nodiscard]] FixedText<64> name_at(std::uintptr_t address) const noexcept;
  // Whether what lies there is another process's, too, or may be: a mapping that is shared, or none that is known.
  [[nodiscard]] bool is_shared_at(std::uintptr_t address) const noexcept;

 private:
  [[nodiscard]] std::string_view line_at(std::uintptr_t address) const noexcept;
  OwnVector<char> text_;
};

}  // namespace vigil::shim::leaks
