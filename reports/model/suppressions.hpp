// Suppressions: ThreadSanitizer's file format. A line is `kind:pattern`; blank lines and those that start with # say
// nothing. A pattern matches anywhere in a function name, file or library path of any frame; ^ and $ tie it to the
// start and end,
// * stands for any characters. ThreadSanitizer's own names work: race, race_top, deadlock, mutex, signal, thread,
// called_from_lib; what we have no kind for is read and never matches.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reports/model/report.hpp"

namespace vigil::reports {

// Whether text holds what pattern describes. Linear in the product of their lengths.
bool matches_pattern(std::string_view pattern, std::string_view text) noexcept;

class Suppressions {
 public:
  // Adds the rules of a file's text; what cannot be read is told in problems(), one line each.
  void add(std::string_view text, std::string_view source);
  [[nodiscard]] bool match(const Finding& finding) const;
  [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }
  [[nodiscard]] const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
  struct Rule {
    std::vector<std::string> kinds;  // ours
    std::string pattern;
    bool top_only;  // race_top: only the innermost user frame of each stack
  };
  std::vector<Rule> rules_;
  std::vector<std::string> problems_;
};

// "task-leak:consume": silences the finding and, as the reader sees, no more than that.
std::string suppression_for(const Finding& finding);

}  // namespace vigil::reports
