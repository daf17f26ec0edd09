#include "reports/model/ring.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

#include "reports/model/function_name.hpp"
#include "reports/model/user_frames.hpp"

namespace vigil::reports {
namespace {

// One who has some objects and waits for one more.
struct Party {
  const Participant* shown;
  std::int64_t waits_in;  // indices of the participants that show it waiting, and holding what it has
  std::int64_t holds_in;
  std::size_t wants;
  std::vector<std::size_t> has;
};

// A lock cycle tells each actor twice: where it took the lock it holds, then where it wanted the next.
std::vector<Party> parties_of(const Finding& finding) {
  std::vector<Party> parties;
  const Participant* holding = nullptr;
  std::int64_t index = -1;
  for (const Participant& participant : finding.participants) {
    ++index;
    if (participant.role == "holds") {
      holding = &participant;
      continue;
    }
    if (participant.object >= 0) {
      Party party{&participant, index, holding == nullptr ? index : index - 1,
                  static_cast<std::size_t>(participant.object), participant.held};
      if (holding != nullptr && holding->object >= 0)
        party.has.insert(party.has.begin(), static_cast<std::size_t>(holding->object));
      parties.push_back(std::move(party));
    }
    holding = nullptr;
  }
  return parties;
}

// Extends path until its last party wants what its first has.
bool close_ring(const std::vector<Party>& parties, std::vector<std::size_t>& path, std::size_t& steps) {
  constexpr std::size_t kMostSteps = 20000;
  if (++steps > kMostSteps || path.size() * 2 > kBiggestRing) return false;
  const std::size_t wanted = parties[path.back()].wants;
  const auto has = [&](const Party& party) {
    return std::find(party.has.begin(), party.has.end(), wanted) != party.has.end();
  };
  if (has(parties[path.front()])) return true;
  for (std::size_t next = 0; next < parties.size(); ++next) {
    if (!has(parties[next]) || std::find(path.begin(), path.end(), next) != path.end()) continue;
    path.push_back(next);
    if (close_ring(parties, path, steps)) return true;
    path.pop_back();
  }
  return false;
}

std::string name_of(const Actor& actor) {
  return actor.type == "thread" && actor.id == 1 ? "main thread" : fmt::format("{} {}", actor.type, actor.id);
}

std::string actor_detail(const Participant& participant) {
  const Frame* frame = first_user_frame(participant.stack);
  return frame == nullptr ? participant.actor.name : short_name(frame->function);
}

std::optional<Ring> ring_of_parties(const Finding& finding) {
  const std::vector<Party> parties = parties_of(finding);
  for (std::size_t start = 0; start < parties.size(); ++start) {
    std::vector<std::size_t> path{start};
    std::size_t steps = 0;
    if (!close_ring(parties, path, steps)) continue;
    Ring ring;
    for (std::size_t step = 0; step < path.size(); ++step) {
      const Party& party = parties[path[step]];
      const Party& holder = parties[path[(step + 1) % path.size()]];
      const Object& object = finding.objects[party.wants];
      const Participant& shown = *party.shown;
      ring.nodes.push_back({name_of(shown.actor), actor_detail(shown), true});
      ring.labels.emplace_back(finding.predicted ? "then takes" : "waits for");
      ring.shown_by.push_back(party.waits_in);
      ring.nodes.push_back({fmt::format("{} {}", object.type, object.id), object.name, false});
      ring.labels.emplace_back("held by");
      ring.shown_by.push_back(holder.holds_in);
    }
    return ring;
  }
  return std::nullopt;
}

// The participant of that node of the wait-for graph, or -1.
std::int64_t participant_named(const Finding& finding, const std::string& id) {
  for (std::size_t i = 0; i < finding.participants.size(); ++i) {
    const Actor& actor = finding.participants[i].actor;
    if (fmt::format("{} {}", actor.type, actor.id) == (id == "main" ? "thread 1" : id))
      return static_cast<std::int64_t>(i);
  }
  return -1;
}

std::optional<Ring> ring_of_graph(const Finding& finding, const Graph& graph) {
  std::unordered_map<std::string, std::vector<const Graph::Edge*>> out;
  for (const Graph::Edge& edge : graph.edges) out[edge.from].push_back(&edge);
  std::unordered_map<std::string, std::string> label;
  for (const Graph::Node& node : graph.nodes) label[node.id] = node.label;
  for (const Participant& participant : finding.participants) {
    std::string start = fmt::format("{} {}", participant.actor.type, participant.actor.id);
    if (start == "thread 1" && out.contains("main")) start = "main";
    std::unordered_map<std::string, const Graph::Edge*> came_by;
    std::deque<std::string> queue{start};
    const Graph::Edge* closing = nullptr;
    while (!queue.empty() && closing == nullptr) {
      const std::string at = queue.front();
      queue.pop_front();
      for (const Graph::Edge* edge : out[at]) {
        if (edge->to == start) {
          closing = edge;
          break;
        }
        if (came_by.emplace(edge->to, edge).second) queue.push_back(edge->to);
      }
    }
    if (closing == nullptr) continue;
    std::vector<const Graph::Edge*> walk{closing};  // backwards from the edge that returns to start
    while (walk.back()->from != start) walk.push_back(came_by.at(walk.back()->from));
    if (walk.size() > kBiggestRing || walk.size() < 2) continue;
    std::reverse(walk.begin(), walk.end());
    Ring ring;
    for (const Graph::Edge* edge : walk) {
      const bool is_actor =
          edge->from.starts_with("task ") || edge->from.starts_with("thread ") || edge->from == "main";
      const std::string& name = label[edge->from];
      std::string detail;
      for (const Participant& one : finding.participants) {
        if (is_actor && fmt::format("{} {}", one.actor.type, one.actor.id) == edge->from) detail = actor_detail(one);
      }
      for (const Object& object : finding.objects) {
        if (!is_actor && object.id == edge->from) detail = object.name;
      }
      ring.nodes.push_back({name.empty() ? edge->from : name, detail, is_actor});
      ring.labels.push_back(edge->label);
      ring.shown_by.push_back(participant_named(finding, is_actor ? edge->from : edge->to));
    }
    return ring;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Ring> ring_of(const Finding& finding, const Graph& wait_for) {
  if (finding.kind != "deadlock" && finding.kind != "lock-cycle") return std::nullopt;
  if (auto ring = ring_of_parties(finding)) return ring;
  return finding.kind == "deadlock" ? ring_of_graph(finding, wait_for) : std::nullopt;
}

}  // namespace vigil::reports
