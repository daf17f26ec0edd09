// The part of a graph that lies on cycles: what of a lock order or of a wait-for graph is worth drawing. A program with
// hundreds of locks has a handful there, or none.
#pragma once

#include "reports/model/report.hpp"

namespace vigil::reports {

// The nodes of all strongly connected components with more than one node, or with an edge to themselves, and the edges
// inside those components; in the graph's order. O(nodes + edges).
Graph cyclic_part(const Graph& graph);

}  // namespace vigil::reports
