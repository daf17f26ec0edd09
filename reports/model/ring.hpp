// Ring: who waits for whom, as one closed walk of actors and objects, when a finding has one. What a drawing shows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/model/report.hpp"

namespace vigil::reports {

struct Ring {
  struct Node {
    std::string name;    // "task 7", "channel c3"
    std::string detail;  // "`transfer`", "`account_lock`", or ""
    bool is_actor = false;
  };
  std::vector<Node> nodes;
  std::vector<std::string> labels;  // of the edge from node i to the next
  // The participant whose stack shows that edge, an index into Finding::participants; -1 when none does.
  std::vector<std::int64_t> shown_by;
};

inline constexpr std::size_t kBiggestRing = 16;  // nodes; a bigger one is no drawing any more

// From the finding's own participants; else, for a deadlock, the shortest ring of the report's wait-for graph that
// holds one of them.
std::optional<Ring> ring_of(const Finding& finding, const Graph& wait_for);

}  // namespace vigil::reports
