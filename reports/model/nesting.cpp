#include "reports/model/nesting.hpp"

#include <algorithm>

#include "reports/model/user_frames.hpp"

namespace vigil::reports {
namespace {

std::vector<const Frame*> users(const Stack& stack) {
  std::vector<const Frame*> frames;
  for (const std::size_t i : user_frames(stack)) frames.push_back(stack[i].get());
  return frames;
}

bool is_one_place(const Frame* one, const Frame* other) noexcept {
  if (one->function != other->function || one->file != other->file || one->line != other->line) return false;
  return one->line != 0 || (one->module == other->module && one->offset == other->offset);
}

Nesting nesting_of(const Participant& holds, const Participant& wants) {
  Nesting nesting{&holds, &wants, users(holds.stack), users(wants.stack), nullptr};
  const std::size_t most = std::min(nesting.taken.size(), nesting.wanted.size());
  const auto differ = std::mismatch(nesting.taken.rbegin(), nesting.taken.rend(), nesting.wanted.rbegin(),
                                    nesting.wanted.rend(), is_one_place);
  const auto callers = static_cast<std::size_t>(differ.first - nesting.taken.rbegin());
  if (callers == most) return nesting;  // one place, in a loop: which function goes round does not show
  nesting.taken.resize(nesting.taken.size() - callers);
  nesting.wanted.resize(nesting.wanted.size() - callers);
  if (nesting.taken.back()->function == nesting.wanted.back()->function) nesting.function = nesting.taken.back();
  return nesting;
}

}  // namespace

std::vector<Nesting> nestings_of(const Finding& finding) {
  std::vector<Nesting> nestings;
  if (finding.kind != "lock-cycle") return nestings;
  for (std::size_t i = 1; i < finding.participants.size(); ++i) {
    const Participant& holds = finding.participants[i - 1];
    const Participant& wants = finding.participants[i];
    const bool is_one = holds.actor.id == wants.actor.id && holds.actor.type == wants.actor.type;
    if (is_one && holds.role == "holds" && wants.role == "wants") nestings.push_back(nesting_of(holds, wants));
  }
  return nestings;
}

}  // namespace vigil::reports
