// LineReader: the lines of a record file, which may be torn, hold NUL bytes, or end in a long empty preallocated tail.
// Memory stays bounded whatever the file holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::reports {

class LineReader {
 public:
  static constexpr std::size_t kLongestLine = std::size_t{16} << 20U;   // bytes; a longer one is dropped and counted
  static constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 30U;  // data read before giving up on the rest

  // Opens a regular file for reading. On failure error() says why and next() yields nothing.
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line that is not blank, without NUL bytes around it; valid until the next call. False at the end.
  bool next(std::string_view& line);

  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  [[nodiscard]] std::uint64_t too_long() const noexcept { return too_long_; }
  [[nodiscard]] bool stopped_early() const noexcept { return stopped_early_; }

 private:
  bool fill();  // more bytes into block_; false at the end

  int fd_ = -1;
  std::vector<char> block_;
  std::size_t used_ = 0;    // bytes of block_ handed out
  std::size_t size_ = 0;    // bytes in block_
  std::uint64_t read_ = 0;  // bytes of data so far
  std::string line_;
  bool skipping_ = false;  // inside a line that is too long
  bool stopped_early_ = false;
  std::uint64_t too_long_ = 0;
  std::string error_;
};

}  // namespace vigil::reports
