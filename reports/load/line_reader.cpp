#include "reports/load/line_reader.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vigil::reports {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 20U;

std::string_view without_nul(std::string_view text) noexcept {
  constexpr std::string_view kBlank("\0\r", 2);
  const std::size_t from = text.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlank) - from + 1);
}

}  // namespace

LineReader::LineReader(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (fd_ < 0) {
    error_ = fmt::format("cannot open {}: {}", path, std::strerror(errno));
    return;
  }
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
    error_ = fmt::format("{} is not a regular file", path);
    ::close(fd_);
    fd_ = -1;
    return;
  }
  block_.resize(kBlockBytes);
}

LineReader::~LineReader() {
  if (fd_ >= 0) ::close(fd_);
}

bool LineReader::fill() {
  while (fd_ >= 0) {
    if (read_ >= kMostBytes) {
      stopped_early_ = true;
      return false;
    }
    const ssize_t got = ::read(fd_, block_.data(), block_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    used_ = 0;
    size_ = static_cast<std::size_t>(got);
    const bool empty = std::all_of(block_.begin(), block_.begin() + got, [](char c) { return c == '\0'; });
    if (!empty) {
      read_ += size_;
      return true;
    }
    // A preallocated tail can be far longer than what was written: jump over what the file system knows to be empty.
    const off_t here = ::lseek(fd_, 0, SEEK_CUR);
    const off_t data = ::lseek(fd_, here, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return false;
    if (data < here && ::lseek(fd_, here, SEEK_SET) < 0) return false;
  }
  return false;
}

bool LineReader::next(std::string_view& line) {
  line_.clear();
  while (true) {
    if (used_ == size_ && !fill()) {
      const bool last = !skipping_ && !without_nul(line_).empty();
      line = without_nul(line_);
      skipping_ = true;  // what is left was handed out
      return last;
    }
    const char* const from = block_.data() + used_;
    const auto* const newline = static_cast<const char*>(std::memchr(from, '\n', size_ - used_));
    const std::size_t length = newline == nullptr ? size_ - used_ : static_cast<std::size_t>(newline - from);
    used_ += length + (newline == nullptr ? 0 : 1);
    if (!skipping_ && line_.size() + length > kLongestLine) {
      skipping_ = true;
      ++too_long_;
      line_.clear();
    }
    if (!skipping_) line_.append(from, length);
    if (newline == nullptr) continue;
    const bool whole = !skipping_;
    skipping_ = false;
    line = without_nul(line_);
    if (whole && !line.empty()) return true;
    line_.clear();
  }
}

}  // namespace vigil::reports
