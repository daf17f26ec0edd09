// Suppression files of any bytes on a finding of any names. The input, up to zero bytes: function, file, module, rules.
#include <vector>

#include "reports/model/function_name.hpp"
#include "reports/model/suppressions.hpp"
#include "test/fuzz/harness.hpp"

namespace {

using namespace vigil::reports;
using namespace vigil::fuzz;

// What a pattern means, straight from its description: tried by splitting, without a thought for the time it takes.
bool naive_match(std::string_view pattern, std::string_view text, bool to_end) {
  if (pattern.empty()) return !to_end || text.empty();
  if (pattern.front() == '*') {
    for (std::size_t skipped = 0; skipped <= text.size(); ++skipped) {
      if (naive_match(pattern.substr(1), text.substr(skipped), to_end)) return true;
    }
    return false;
  }
  return !text.empty() && text.front() == pattern.front() && naive_match(pattern.substr(1), text.substr(1), to_end);
}

bool naive(std::string_view pattern, std::string_view text) {
  if (text.empty()) return false;
  const bool from_start = pattern.starts_with('^');
  if (from_start) pattern.remove_prefix(1);
  const bool to_end = pattern.ends_with('$');
  if (to_end) pattern.remove_suffix(1);
  if (pattern.empty()) return false;
  for (std::size_t from = 0; from <= text.size(); ++from) {
    if (naive_match(pattern, text.substr(from), to_end)) return true;
    if (from_start) return false;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view rest = text_of(data, size);
  Frame frame;
  frame.function = cut(rest);
  frame.file = cut(rest);
  frame.module = cut(rest);
  frame.line = 1;

  constexpr std::size_t kShort = 10;  // the naive twin takes exponential time
  const std::string_view pattern = rest.substr(0, kShort);
  const std::string_view text = std::string_view(frame.function).substr(0, kShort);
  demand(matches_pattern(pattern, text) == naive(pattern, text), "the pattern matches as the naive one does");

  (void)short_name(frame.function);
  (void)spoken_name(frame.function);
  (void)stable_name(frame.function);

  Finding finding;
  finding.kind = "task-leak";
  finding.participants.resize(1);
  finding.participants[0].stack = {share_frame(frame)};
  Suppressions rules;
  rules.add(rest, "rules");
  (void)rules.match(finding);

  Suppressions printed;
  const std::string line = suppression_for(finding);
  printed.add(line, "printed");
  demand(printed.problems().empty(), "the printed suppression can be read");
  demand(line.empty() || printed.match(finding), "the printed suppression silences its finding");
  return 0;
}
