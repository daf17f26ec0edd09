#include "reports/model/suppressions.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "reports/model/function_name.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/nesting.hpp"
#include "reports/model/phrases.hpp"
#include "reports/model/user_frames.hpp"

namespace vigil::reports {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t from = text.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlank) - from + 1);
}

// ThreadSanitizer's names for what our kinds say; nothing when the name is neither's.
std::optional<std::vector<std::string>> kinds_named(std::string_view name) {
  if (name == "race" || name == "race_top") return std::vector<std::string>{"data-race", "use-after-free"};
  if (name == "deadlock") return std::vector<std::string>{"deadlock", "lock-cycle"};
  if (name == "mutex") {
    return std::vector<std::string>{"double-lock", "unlock-not-held", "destroy-locked", "unlock-by-other"};
  }
  if (name == "thread" || name == "signal" || name == "called_from_lib") return std::vector<std::string>{};
  if (name == "*") {
    std::vector<std::string> all;
    for (const Kind& kind : all_kinds()) all.emplace_back(kind.name);
    return all;
  }
  if (find_kind(name) != nullptr) return std::vector<std::string>{std::string(name)};
  return std::nullopt;
}

bool frame_matches(std::string_view pattern, const Frame& frame) {
  if (matches_pattern(pattern, frame.file) || matches_pattern(pattern, frame.module)) return true;
  if (frame.function.empty()) return false;
  return matches_pattern(pattern, frame.function) || matches_pattern(pattern, qualified_name(frame.function));
}

bool stack_matches(std::string_view pattern, const Stack& stack, bool top_only) {
  if (top_only) {
    const Frame* top = first_user_frame(stack);
    return top != nullptr && frame_matches(pattern, *top);
  }
  return std::any_of(stack.begin(), stack.end(), [&](const FrameRef& frame) { return frame_matches(pattern, *frame); });
}

// A race is also named by what it is about, as ThreadSanitizer's are.
bool accessed_matches(std::string_view pattern, const Finding& finding) {
  if (finding.kind != "data-race" && finding.kind != "use-after-free") return false;
  return std::any_of(finding.participants.begin(), finding.participants.end(), [&](const Participant& participant) {
    const Object* const object = object_of(finding, participant);
    return object != nullptr && matches_pattern(pattern, object->name);
  });
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) noexcept {
  if (text.empty()) return false;
  const bool from_start = pattern.starts_with('^');
  if (from_start) pattern.remove_prefix(1);
  const bool to_end = pattern.ends_with('$');
  if (to_end) pattern.remove_suffix(1);
  if (pattern.empty()) return false;  // "race:" silences nothing
  // The usual greedy walk: on a mismatch, let the last * take one more character.
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = from_start ? std::string_view::npos : 0;  // where in the pattern to go back to
  std::size_t retry = 0;                                       // and where in the text
  while (true) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      retry = t;
    } else if (p == pattern.size() && (!to_end || t == text.size())) {
      return true;
    } else if (p < pattern.size() && t < text.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos && retry < text.size()) {
      p = star;
      t = ++retry;
    } else {
      return false;
    }
  }
}

void Suppressions::add(std::string_view text, std::string_view source) {
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    auto kinds = kinds_named(name);
    if (colon == std::string_view::npos) {
      problems_.push_back(fmt::format("{}:{}: a suppression is kind:pattern", source, number));
    } else if (!kinds) {
      problems_.push_back(fmt::format("{}:{}: no kind of finding is called '{}'", source, number, name));
    } else {
      rules_.push_back({std::move(*kinds), std::string(trimmed(line.substr(colon + 1))), name == "race_top"});
    }
  }
}

bool Suppressions::match(const Finding& finding) const {
  for (const Rule& rule : rules_) {
    if (std::find(rule.kinds.begin(), rule.kinds.end(), finding.kind) == rule.kinds.end()) continue;
    if (!rule.top_only && accessed_matches(rule.pattern, finding)) return true;
    for (const Participant& participant : finding.participants) {
      if (stack_matches(rule.pattern, participant.stack, rule.top_only)) return true;
      if (!rule.top_only && stack_matches(rule.pattern, participant.actor.created_at, false)) return true;
    }
  }
  return false;
}

std::string suppression_for(const Finding& finding) {
  const Frame* frame = nullptr;
  // Whoever nests locks may do so by a function of his that all of the program locks with.
  for (const Nesting& nesting : nestings_of(finding)) {
    if (frame == nullptr) frame = nesting.function;
  }
  for (const auto find : {find_user_frame, first_user_frame}) {
    for (const bool creation : {false, true}) {
      for (const Participant& participant : finding.participants) {
        if (frame == nullptr) frame = find(creation ? participant.actor.created_at : participant.stack);
      }
    }
  }
  if (frame == nullptr) return {};
  std::string what;
  if (frame->function.empty()) {
    what = frame->module.substr(frame->module.find_last_of('/') + 1);
  } else {
    for (const std::string& part : name_parts(frame->function)) {
      if (!what.empty()) what += "::";
      what += part.starts_with("{lambda") && part.ends_with("}")
                  ? "{lambda*}"
                  : part;  // closures are numbered, and renumbered by edits
    }
  }
  constexpr std::string_view kAnonymous = "(anonymous namespace)::";  // a pattern matches anywhere, so it says no more
  if (what.starts_with(kAnonymous)) what.erase(0, kAnonymous.size());
  // What has a meaning in a pattern, or would not survive as a line of a file, is matched by a *.
  std::replace_if(
      what.begin(), what.end(), [](char c) { return c == '\n' || c == '\r'; }, '*');
  const auto means_more = [](char c) { return c == '^' || c == '$' || c == ' ' || c == '\t'; };
  if (!what.empty() && means_more(what.front())) what.front() = '*';
  if (!what.empty() && means_more(what.back())) what.back() = '*';
  return what.empty() ? std::string() : fmt::format("{}:{}", finding.kind, what);
}

}  // namespace vigil::reports
