// Kind: what the command knows of each kind of finding: its level and how to say it. Names are the contract's,
// section 5. A kind the table does not know (a newer shim's) is shown with its name and the level the record gave it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "reports/model/report.hpp"

namespace vigil::reports {

struct Kind {
  std::string_view name;
  Level level;
  std::string_view one;   // "a task is blocked for ever": completes "1 error: ..."
  std::string_view many;  // "tasks blocked for ever": completes "2 ..."
  std::string_view hint;  // what to do, when neither the finding's shape nor the shim knows better
};

std::span<const Kind> all_kinds() noexcept;
const Kind* find_kind(std::string_view name) noexcept;  // null when unknown

struct Summary {
  std::uint64_t errors = 0;
  std::uint64_t warnings = 0;
  std::uint64_t new_errors = 0;  // those that no baseline has: the ones that count
  std::uint64_t new_warnings = 0;
  [[nodiscard]] std::uint64_t known() const noexcept { return errors + warnings - new_errors - new_warnings; }
};
Summary summary_of(const Report& report) noexcept;

// The one sentence on top of every form of the report: "1 error: a task is blocked for ever".
std::string verdict_of(const Report& report);
// The same for whom the report's page is not at hand: "2 errors (task-leak x2), 1 warning (busy-select)", or that all
// is in the baseline. "" when there is nothing.
std::string counts_of(const Report& report);
// How the program ended: "returned 0", "killed by signal 11 (SIGSEGV)".
std::string end_of(const Program& program);

}  // namespace vigil::reports
