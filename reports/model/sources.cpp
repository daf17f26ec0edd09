#include "reports/model/sources.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "reports/model/utf8.hpp"

namespace vigil::reports {
namespace {

constexpr off_t kBiggestFile = off_t{8} << 20U;  // bytes; generated monsters are left out
constexpr std::size_t kMostFiles = 2000;
constexpr std::size_t kMostSnippets = 20000;
constexpr std::size_t kLongestLine = 240;  // bytes shown of a line

struct SourceFile {
  std::vector<std::string> lines;
  std::int64_t changed_at = 0;  // s since the epoch
};

// A name from debug information may point anywhere: only regular files with text in them are read.
std::optional<SourceFile> read_source(const std::string& path) {
  if (path.empty() || path.front() != '/' || path.starts_with("/proc/") || path.starts_with("/dev/") ||
      path.starts_with("/sys/"))
    return std::nullopt;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return std::nullopt;
  struct stat status {};
  std::string text;
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= kBiggestFile) {
    text.resize(static_cast<std::size_t>(status.st_size));
    std::size_t have = 0;
    while (have < text.size()) {
      const ssize_t got = ::read(fd, text.data() + have, text.size() - have);
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    text.resize(have);
  }
  ::close(fd);
  if (text.empty() || text.find('\0') != std::string::npos) return std::nullopt;
  SourceFile file;
  file.changed_at = status.st_mtim.tv_sec;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::size_t length = end - at;
    if (length != 0 && text[at + length - 1] == '\r') --length;
    std::string line = to_valid_utf8(std::string_view(text).substr(at, std::min(length, kLongestLine)));
    if (length > kLongestLine) line += "\u2026";
    file.lines.push_back(std::move(line));
    at = end + 1;
  }
  return file;
}

std::int64_t changed_at(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mtim.tv_sec : 0;
}

class Loader {
 public:
  explicit Loader(const Report& report) : started_s_(report.started_at / 1'000'000'000) {}

  std::optional<Snippet> snippet(const Frame& frame) {
    auto known = files_.find(frame.file);
    if (known == files_.end()) {
      if (files_.size() >= kMostFiles) return std::nullopt;
      known = files_.emplace(frame.file, read_source(frame.file)).first;
    }
    const std::optional<SourceFile>& file = known->second;
    if (!file || frame.line == 0 || frame.line > file->lines.size()) return std::nullopt;
    Snippet snippet;
    snippet.marked = frame.line;
    snippet.first_line = frame.line > Sources::kAround ? frame.line - Sources::kAround : 1;
    const std::size_t last = std::min<std::size_t>(file->lines.size(), frame.line + std::size_t{Sources::kAround});
    for (std::size_t line = snippet.first_line; line <= last; ++line) snippet.lines.push_back(file->lines[line - 1]);
    const auto [built, fresh] = modules_.try_emplace(frame.module, 0);
    if (fresh) built->second = changed_at(frame.module);
    const bool after_build = built->second != 0 && file->changed_at > built->second;
    snippet.may_have_changed = after_build || (started_s_ != 0 && file->changed_at > started_s_);
    return snippet;
  }

 private:
  std::int64_t started_s_;
  std::unordered_map<std::string, std::optional<SourceFile>> files_;
  std::unordered_map<std::string, std::int64_t> modules_;
};

template <class Visit>
void for_each_stack(const Report& report, Visit&& visit) {
  for (const Finding& finding : report.findings) {
    for (const Participant& participant : finding.participants) {
      visit(participant.stack);
      visit(participant.actor.created_at);
    }
    for (const Object& object : finding.objects) visit(object.created_at);
  }
  for (const StateEntry& entry : report.state) visit(entry.stack);
}

}  // namespace

const Snippet* Sources::find(const Frame& frame) const {
  const auto at = snippets_.find({frame.file, frame.line});
  return at == snippets_.end() ? nullptr : &at->second;
}

Sources Sources::load(const Report& report) {
  Sources sources;
  Loader loader(report);
  std::unordered_set<const Frame*> seen;  // most come again and again
  for_each_stack(report, [&](const Stack& stack) {
    for (const FrameRef& ref : stack) {
      const Frame& frame = *ref;
      if (frame.library || frame.file.empty() || sources.snippets_.size() >= kMostSnippets) continue;
      if (!seen.insert(&frame).second) continue;
      if (sources.snippets_.contains({frame.file, frame.line})) continue;
      if (auto snippet = loader.snippet(frame))
        sources.snippets_.emplace(std::pair(frame.file, frame.line), std::move(*snippet));
    }
  });
  return sources;
}

}  // namespace vigil::reports
