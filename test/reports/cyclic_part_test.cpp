#include "reports/model/cyclic_part.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace vigil::reports {
namespace {

Graph graph_of(std::size_t nodes, const std::vector<std::pair<std::size_t, std::size_t>>& edges) {
  Graph graph;
  for (std::size_t i = 0; i < nodes; ++i) graph.nodes.push_back({fmt::format("m{}", i), ""});
  for (const auto& [from, to] : edges)
    graph.edges.push_back({fmt::format("m{}", from), fmt::format("m{}", to), "then"});
  return graph;
}

std::vector<std::string> ids(const Graph& graph) {
  std::vector<std::string> result;
  for (const Graph::Node& node : graph.nodes) result.push_back(node.id);
  return result;
}

TEST(CyclicPart, LeavesOutWhatOnlyLeadsToACycleOrAwayFromIt) {
  const Graph part = cyclic_part(graph_of(5, {{0, 1}, {1, 2}, {2, 1}, {2, 3}, {3, 4}}));
  EXPECT_EQ(ids(part), (std::vector<std::string>{"m1", "m2"}));
  EXPECT_EQ(part.edges.size(), 2U);
}

TEST(CyclicPart, KeepsAnEdgeToItself) {
  EXPECT_EQ(ids(cyclic_part(graph_of(2, {{0, 0}, {0, 1}}))), std::vector<std::string>{"m0"});
}

TEST(CyclicPart, OfATreeIsNothing) { EXPECT_TRUE(cyclic_part(graph_of(4, {{0, 1}, {0, 2}, {2, 3}})).nodes.empty()); }

TEST(CyclicPart, IgnoresEdgesToNodesThatAreNotThere) {
  Graph graph = graph_of(1, {});
  graph.edges.push_back({"m0", "gone", ""});
  EXPECT_TRUE(cyclic_part(graph).edges.empty());
}

TEST(CyclicPart, OfALongChainNeedsNoDeepStack) {
  std::vector<std::pair<std::size_t, std::size_t>> edges;
  constexpr std::size_t kLong = 200000;
  for (std::size_t i = 0; i + 1 < kLong; ++i) edges.emplace_back(i, i + 1);
  edges.emplace_back(kLong - 1, 0);
  EXPECT_EQ(cyclic_part(graph_of(kLong, edges)).nodes.size(), kLong);
}

// The naive twin: an edge lies on a cycle when its start can be reached from its end.
TEST(CyclicPart, AgreesWithReachability) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    constexpr std::size_t kNodes = 9;
    std::vector<std::pair<std::size_t, std::size_t>> edges;
    bool reach[kNodes][kNodes] = {};
    for (std::size_t i = random() % 20; i != 0; --i) {
      edges.emplace_back(random() % kNodes, random() % kNodes);
      reach[edges.back().first][edges.back().second] = true;
    }
    for (std::size_t k = 0; k < kNodes; ++k) {
      for (std::size_t i = 0; i < kNodes; ++i) {
        for (std::size_t j = 0; j < kNodes; ++j) reach[i][j] = reach[i][j] || (reach[i][k] && reach[k][j]);
      }
    }
    std::size_t expected = 0;
    for (const auto& [from, to] : edges) expected += from == to || reach[to][from] ? 1U : 0U;
    EXPECT_EQ(cyclic_part(graph_of(kNodes, edges)).edges.size(), expected);
  }
}

}  // namespace
}  // namespace vigil::reports
