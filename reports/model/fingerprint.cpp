#include "reports/model/fingerprint.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "reports/model/function_name.hpp"
#include "reports/model/nesting.hpp"
#include "reports/model/user_frames.hpp"

namespace vigil::reports {
namespace {

// FNV-1a, finished with a mix: short, the same everywhere, and good enough where nobody attacks (a clash merges two
// findings).
std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash ^= hash >> 32U;
  hash *= 0x9fb21c651e98df25U;
  return hash ^ (hash >> 29U);
}

std::string_view base_name(std::string_view path) noexcept { return path.substr(path.find_last_of('/') + 1); }

std::string frame_text(const Frame& frame) {
  if (frame.function.empty()) return fmt::format("{}+{:x}", base_name(frame.module), frame.offset);
  const std::string_view where = frame.file.empty() ? base_name(frame.module) : base_name(frame.file);
  return fmt::format("{}@{}+{}", stable_name(frame.function), where, frame.place_in_function);
}

// Each place a line, but one that follows itself once: how deep a recursion was differs from run to run.
class PlacesText {
 public:
  void add(const Frame& frame) {
    std::string place = frame_text(frame);
    if (place == last_) return;
    text_ += place;
    text_ += '\n';
    last_ = std::move(place);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string last_;
};

std::string stack_text(const Stack& stack) {
  PlacesText text;
  for (const std::size_t i : user_frames(stack)) text.add(*stack[i]);
  return text.take();
}

std::string places_text(const std::vector<const Frame*>& frames) {
  PlacesText text;
  for (const Frame* frame : frames) text.add(*frame);
  return text.take();
}

bool speaks_of_a_life(std::string_view kind) noexcept {
  constexpr std::array<std::string_view, 4> kKinds{"task-leak", "cancelled-but-alive", "task-running-at-exit",
                                                   "task-growth"};
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

// Roles that only number participants who are alike: which of two accesses came first differs from run to run.
bool is_symmetric(std::string_view role) noexcept {
  constexpr std::array<std::string_view, 5> kRoles{"first", "second", "newer", "older", "waiter"};
  return std::find(kRoles.begin(), kRoles.end(), role) != kRoles.end();
}

// What led up to the finding, in as much as it is kept: which actors come there in which order differs from run to run.
// And who was left besides: in another run it had ended.
bool is_history(std::string_view role) noexcept { return role.starts_with("earlier ") || role == "survivor"; }

void unite(std::vector<std::string>& parts) {
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());  // how many are alike differs from run to run
}

// Of a cycle in the order of locks: which of a nesting's callers comes first differs from run to run, and the defect is
// one. Nothing where one function nests them all, with locks that its callers choose: then callers tell defects apart.
std::vector<std::string> nesting_parts(const Finding& finding) {
  std::vector<std::string> parts;
  for (const Nesting& nesting : nestings_of(finding)) {
    parts.push_back("holds|" + places_text(nesting.taken) + "wants|" + places_text(nesting.wanted));
  }
  unite(parts);
  const bool reads_twice = finding.participants.size() == 3;  // one nesting, and a writer who may be anybody
  if (parts.size() == 1 && !reads_twice) parts.clear();
  return parts;
}

std::vector<std::string> participant_parts(const Finding& finding) {
  std::vector<std::string> parts;
  for (const Participant& participant : finding.participants) {
    if (is_history(participant.role)) continue;
    std::string part = is_symmetric(participant.role) ? std::string("|") : fmt::format("{}|", participant.role);
    part += stack_text(participant.stack);
    if (speaks_of_a_life(finding.kind) || participant.stack.empty()) {
      part += "from\n";
      part += stack_text(participant.actor.created_at);
    }
    parts.push_back(std::move(part));
  }
  unite(parts);
  return parts;
}

}  // namespace

std::string fingerprint_of(const Finding& finding) {
  std::vector<std::string> parts = nesting_parts(finding);
  if (parts.empty()) parts = participant_parts(finding);
  std::string all = finding.kind + '\n';
  for (const std::string& part : parts) {
    all += part;
    all += '\x1f';
  }
  return fmt::format("{:016x}", hash_of(all));
}

}  // namespace vigil::reports
