// Nesting: what of the two stacks of one actor in a lock-cycle is about the order of its locks. The innermost call that
// both have in common took the one lock and came to want the other; from there inwards they show where and how. Further
// out are that function's callers, which have no part in the order (decision 97). interpose/locks/nesting.cpp cuts
// stacks in the same way, by addresses.
#pragma once

#include <vector>

#include "reports/model/report.hpp"

namespace vigil::reports {

struct Nesting {
  const Participant* holds = nullptr;
  const Participant* wants = nullptr;
  // The user's frames without those of the callers, innermost first; none is empty unless its stack is.
  std::vector<const Frame*> taken;
  std::vector<const Frame*> wanted;
  const Frame* function = nullptr;  // that nests them; null when the stacks do not show it
};

// Valid while the finding is. Empty for other kinds.
std::vector<Nesting> nestings_of(const Finding& finding);

}  // namespace vigil::reports
