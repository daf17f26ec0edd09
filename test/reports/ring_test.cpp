#include "reports/model/ring.hpp"

#include <gtest/gtest.h>

namespace vigil::reports {
namespace {

Participant party(std::uint64_t id, std::string role, std::int64_t object, std::vector<std::size_t> held = {}) {
  Participant participant;
  participant.actor.type = "task";
  participant.actor.id = id;
  participant.role = std::move(role);
  participant.object = object;
  participant.held = std::move(held);
  return participant;
}

Finding with_locks(std::string kind, std::vector<Participant> participants, std::size_t locks) {
  Finding finding;
  finding.kind = std::move(kind);
  finding.participants = std::move(participants);
  for (std::size_t i = 0; i < locks; ++i) {
    Object& object = finding.objects.emplace_back();
    object.id = "m" + std::to_string(i + 1);
    object.type = "mutex";
  }
  return finding;
}

std::string names(const std::optional<Ring>& ring) {
  std::string text;
  if (!ring) return "none";
  for (const Ring::Node& node : ring->nodes) text += node.name + ", ";
  return text;
}

TEST(Ring, OfALockCycleToldTwicePerActor) {
  const Finding finding =
      with_locks("lock-cycle",
                 {party(1, "holds", 0), party(1, "wants", 1, {0}), party(2, "holds", 1), party(2, "wants", 0, {1})}, 2);
  EXPECT_EQ(names(ring_of(finding, {})), "task 1, mutex m2, task 2, mutex m1, ");
}

TEST(Ring, SaysWhichStackShowsEachEdge) {
  const auto cycle = ring_of(
      with_locks("lock-cycle",
                 {party(1, "holds", 0), party(1, "wants", 1, {0}), party(2, "holds", 1), party(2, "wants", 0, {1})}, 2),
      {});
  ASSERT_TRUE(cycle);
  EXPECT_EQ(cycle->shown_by, (std::vector<std::int64_t>{1, 2, 3, 0}));  // wants, held by, wants, held by
}

TEST(Ring, LeavesOutThoseWhoOnlyWaitForIt) {
  const Finding finding = with_locks(
      "deadlock",
      {party(9, "waiter", 0), party(1, "waiter", 1, {0}), party(2, "waiter", 2, {1}), party(3, "waiter", 0, {2})}, 3);
  EXPECT_EQ(names(ring_of(finding, {})), "task 1, mutex m2, task 2, mutex m3, task 3, mutex m1, ");
}

TEST(Ring, ThereIsNoneWithoutACycle) {
  EXPECT_EQ(names(ring_of(with_locks("deadlock", {party(1, "waiter", 0), party(2, "waiter", 0)}, 1), {})), "none");
  EXPECT_EQ(names(ring_of(with_locks("task-leak", {party(1, "waiter", 1, {0}), party(2, "waiter", 0, {1})}, 2), {})),
            "none");
}

TEST(Ring, ComesFromTheWaitForGraphWhenNobodyHoldsAnything) {
  Graph graph;
  graph.nodes = {
      {"task 1", "task 1"}, {"c1", "channel c1"}, {"task 2", "task 2"}, {"c2", "channel c2"}, {"main", "main"}};
  graph.edges = {{"main", "task 1", "waits for"},
                 {"task 1", "c1", "receives from"},
                 {"c1", "task 2", "fed by"},
                 {"task 2", "c2", "receives from"},
                 {"c2", "task 1", "fed by"}};
  const Finding finding = with_locks("deadlock", {party(1, "waiter", -1), party(2, "waiter", -1)}, 0);
  EXPECT_EQ(names(ring_of(finding, graph)), "task 1, channel c1, task 2, channel c2, ");
}

TEST(Ring, ABigTangleEndsInTime) {
  std::vector<Participant> participants;
  std::vector<std::size_t> all;
  for (std::size_t i = 1; i < 60; ++i) all.push_back(i);
  for (std::uint64_t i = 0; i < 60; ++i)
    participants.push_back(party(i, "waiter", static_cast<std::int64_t>(i == 0 ? 1 : i), {all}));
  for (Participant& participant : participants)
    std::erase(participant.held, static_cast<std::size_t>(participant.object));
  participants[0].held.clear();
  EXPECT_NO_THROW(ring_of(with_locks("deadlock", participants, 60), {}));
}

}  // namespace
}  // namespace vigil::reports
