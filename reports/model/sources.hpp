// Sources: the lines around each user frame, read from disk before rendering, so that renderers look nothing up.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reports/model/report.hpp"

namespace vigil::reports {

struct Snippet {
  std::uint32_t first_line = 0;
  std::vector<std::string> lines;
  std::uint32_t marked = 0;       // the frame's line
  bool may_have_changed = false;  // the file is newer than the program that ran
};

class Sources {
 public:
  static constexpr std::uint32_t kAround = 5;  // lines on either side

  // Null when the file cannot be read, is no ordinary text file, or is shorter than the line.
  [[nodiscard]] const Snippet* find(const Frame& frame) const;

  // Reads what report's user frames need. Bounded in files, bytes and snippets.
  static Sources load(const Report& report);

 private:
  std::map<std::pair<std::string, std::uint32_t>, Snippet> snippets_;
};

}  // namespace vigil::reports
