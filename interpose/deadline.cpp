#include "interpose/deadline.hpp"

#include <algorithm>
#include <limits>

#include "interpose/watched_children.hpp"

namespace vigil::shim {
namespace {

constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kChildrenPauseNs = 100'000'000;  // between two looks at the children
constexpr std::int64_t kReportsNs = 30'000'000'000;     // for what the children tell when their time is over
constexpr std::int64_t kStandsStillNs = 1'000'000'000;  // without watched children: no more will come of it
constexpr std::int64_t kMostRestNs = 10'000'000'000;

}  // namespace

Deadline::Deadline(std::int64_t started_ns, std::int64_t length_ns) noexcept
    : next_ns_(kNoDeadline), last_ns_(kNoDeadline) {
  if (length_ns <= 0 || length_ns > (kNoDeadline - started_ns - kReportsNs) / 2) return;
  next_ns_ = started_ns + length_ns;
  last_ns_ = next_ns_ + length_ns + kReportsNs;
}

bool Deadline::look(std::int64_t now_ns) noexcept {
  if (now_ns < next_ns_) return false;
  if (now_ns >= last_ns_) return true;
  const Children children = children_waited_for();
  if (children == Children::None && !rest_ && !had_watched_) return true;
  if (children == Children::Watched) {
    had_watched_ = true;
    rest_.reset();
    next_ns_ = std::min(now_ns + kChildrenPauseNs, last_ns_);
    return false;
  }
  if (!rest_) {
    rest_.emplace(kStandsStillNs);
    rest_end_ns_ = now_ns + (had_watched_ ? kMostRestNs : kStandsStillNs);
  }
  if (now_ns >= rest_end_ns_ || rest_->look(now_ns)) return true;
  next_ns_ = std::min({rest_->next_ns(), rest_end_ns_, last_ns_});
  return false;
}

}  // namespace vigil::shim
