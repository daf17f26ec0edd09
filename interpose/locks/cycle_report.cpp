#include "interpose/locks/cycle_report.hpp"

#include <algorithm>

#include "interpose/finding.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/locks/nesting.hpp"
#include "interpose/object_list.hpp"
#include "interpose/options.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::locks {
namespace {

constexpr std::size_t kMostHeldTold = 32;  // of one participant; the lock in question comes first

std::uint64_t place_of(const CycleEdge& edge) noexcept {
  return static_cast<std::uint64_t>(edge.witness->taken_at) << 32U |
         static_cast<std::uint64_t>(edge.witness->wanted_at);
}

std::uint64_t held_by(const CycleEdge& edge) noexcept { return static_cast<std::uint64_t>(edge.from); }

// One number for what each edge of a cycle says, wherever the cycle begins.
std::uint64_t number_of(std::span<const CycleEdge> cycle, std::uint64_t (*of_edge)(const CycleEdge&) noexcept) {
  OwnVector<std::uint64_t> parts;
  for (const CycleEdge& edge : cycle) parts.push_back(of_edge(edge));
  std::sort(parts.begin(), parts.end());
  std::uint64_t number = parts.size();
  for (const std::uint64_t part : parts) {
    number = (number ^ part) * 0x9e3779b97f4a7c15ULL;
    number ^= number >> 31U;
  }
  return number;
}

OwnVector<std::uint64_t> nestings_of(std::span<const CycleEdge> cycle) {
  OwnVector<std::uint64_t> nestings;
  for (const CycleEdge& edge : cycle) nestings.push_back(nesting_of(edge.witness->taken_at, edge.witness->wanted_at));
  std::sort(nestings.begin(), nestings.end());
  nestings.erase(std::unique(nestings.begin(), nestings.end()), nestings.end());
  return nestings;
}

// Runs differ in which edge came last; the finding begins where the binary says.
OwnVector<CycleEdge> in_stable_order(std::span<const CycleEdge> cycle) {
  OwnVector<CycleEdge> turned(cycle.begin(), cycle.end());
  const auto first = std::min_element(turned.begin(), turned.end(), [](const CycleEdge& a, const CycleEdge& b) {
    return stable_hash(a.witness->taken_at) < stable_hash(b.witness->taken_at);
  });
  std::rotate(turned.begin(), first, turned.end());
  return turned;
}

}  // namespace

bool CycleReport::has_wandered(std::span<const CycleEdge> cycle) const noexcept {
  return std::any_of(cycle.begin(), cycle.end(), [&](const CycleEdge& edge) {
    const auto found = objects_->find(edge.from);
    return found != objects_->end() && found->second->wandered.load(std::memory_order_relaxed);
  });
}

CycleReport::Bug* CycleReport::bug_of(std::span<const CycleEdge> cycle,
                                      const OwnVector<std::uint64_t>& nestings) noexcept {
  if (!options().dedup) return nullptr;
  for (Bug& bug : bugs_) {
    if (bug.nestings.size() == 1) {
      // One function takes both, in an order that its arguments decide: it may have callers with nothing in common.
      const auto is_its = [&](const CycleEdge& edge) { return bug.locks.contains(edge.from); };
      if (nestings == bug.nestings && std::any_of(cycle.begin(), cycle.end(), is_its)) return &bug;
    } else if (std::includes(nestings.begin(), nestings.end(), bug.nestings.begin(), bug.nestings.end())) {
      return &bug;  // a longer way round through the same nestings goes with them
    }
  }
  return nullptr;
}

bool CycleReport::on_cycle(std::span<const CycleEdge> cycle, void* self) noexcept {
  auto& report = *static_cast<CycleReport*>(self);
  if (report.bugs_.size() >= kMostBugs) return false;
  if (report.has_wandered(cycle)) return true;
  const std::uint64_t places = number_of(cycle, place_of);
  const bool is_kept = report.sights_.size() < kMostSights;
  const auto known = report.places_.find(places);
  if (!is_kept && known != report.places_.end()) return true;
  if (is_kept && !report.sights_.insert(places ^ number_of(cycle, held_by) * 0x9e3779b97f4a7c15ULL).second) return true;

  const OwnVector<std::uint64_t> nestings = nestings_of(cycle);
  Bug* bug = known != report.places_.end() ? &report.bugs_[known->second] : report.bug_of(cycle, nestings);
  if (bug == nullptr) {
    bug = &report.bugs_.emplace_back(Bug{.nestings = nestings, .locks = {}, .finding = report.tell(cycle)});
  } else if (is_kept) {
    report_again(bug->finding);
  }
  if (is_kept) report.places_.try_emplace(places, static_cast<std::uint32_t>(bug - report.bugs_.data()));
  if (bug->nestings.size() == 1) {
    for (const CycleEdge& edge : cycle) bug->locks.insert(edge.from);
  }
  return true;
}

std::uint64_t CycleReport::tell(std::span<const CycleEdge> cycle) noexcept {
  const OwnVector<CycleEdge> edges = in_stable_order(cycle);
  ObjectList locks;
  const auto index_of = [&](LockId lock) -> std::int32_t {
    const auto found = objects_->find(lock);
    return found == objects_->end() ? -1 : locks.index_of(info_of(*found->second));  // -1: it is gone
  };
  Line message;
  OwnVector<OwnVector<std::int32_t>> held(edges.size());
  OwnVector<FixedText<96>> notes(2 * edges.size());
  OwnVector<Participant> participants;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const auto& [from, to, witness] = edges[i];
    const ActorInfo actor = info_of(static_cast<ActorKey>(witness->actor), "");
    const auto from_number = static_cast<std::uint64_t>(from);
    const auto to_number = static_cast<std::uint64_t>(to);
    held[i].push_back(index_of(from));
    for (const HeldSet::Link* link = witness->held.youngest(); link != nullptr; link = link->older) {
      if (link->lock == from || held[i].size() == kMostHeldTold) continue;
      if (const std::int32_t index = index_of(link->lock); index >= 0) held[i].push_back(index);
    }
    notes[2 * i] << "m" << from_number << " was taken here";
    notes[2 * i + 1] << "m" << to_number << " was wanted here, while m" << from_number << " was still held";
    participants.push_back({.role = "holds",
                            .actor = actor,
                            .operation = "lock",
                            .object = index_of(from),
                            .held = {},
                            .stack = witness->taken_at,
                            .note = notes[2 * i].view()});
    participants.push_back({.role = "wants",
                            .actor = actor,
                            .operation = "lock",
                            .object = index_of(to),
                            .held = held[i],
                            .stack = witness->wanted_at,
                            .note = notes[2 * i + 1].view()});
    message << (i == 0 ? "" : i + 1 == edges.size() ? ", and " : ", ");
    message << words_for(actor).view() << " locked m" << to_number << " while it held m" << from_number;
  }
  message << (edges.size() == 2 ? "; in another schedule each waits for the other's lock for ever"
                                : "; in another schedule they wait for each other's locks in a ring, for ever");
  return report({.kind = Kind::LockCycle,
                 .predicted = true,
                 .message = message.view(),
                 .hint = {},
                 .participants = participants,
                 .objects = locks.all()});
}

}  // namespace vigil::shim::locks
