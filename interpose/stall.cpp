#include "interpose/stall.hpp"

#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <limits>

#include "interpose/helper.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim {
namespace {

constexpr std::uint64_t kMoves = 0;

// A number for the threads that sleep and what they have used of processors; kMoves when one does not sleep.
std::uint64_t picture() noexcept {
  std::uint64_t mark = 1;
  const auto mix = [&mark](std::uint64_t value) {
    mark = (mark ^ value) * 0x9e3779b97f4a7c15ULL;
    mark ^= mark >> 32U;
  };
  for (const int tid : kernel_threads()) {
    if (is_helper(tid)) continue;
    if (!kernel_sleeps(tid)) return kMoves;
    mix(static_cast<std::uint64_t>(tid));
    mix(static_cast<std::uint64_t>(used_processor_ns(tid)));
  }
  return mark == kMoves ? 1 : mark;
}

}  // namespace

StallWatch::StallWatch(std::int64_t stall_ns) noexcept : next_ns_(std::numeric_limits<std::int64_t>::max()) {
  if (stall_ns <= 0) return;
  constexpr std::int64_t kLeastPauseNs = 1'000'000;
  pause_ns_ = std::max(stall_ns / (kLooks - 1) + 1, kLeastPauseNs);
  next_ns_ = steady_now_ns() + pause_ns_;
}

bool StallWatch::look(std::int64_t now_ns) noexcept {
  if (!is_on() || now_ns < next_ns_) return false;
  next_ns_ = now_ns + pause_ns_;
  const std::uint64_t now = picture();
  same_ = now != kMoves && now == mark_ ? same_ + 1 : 1;
  mark_ = now;
  return same_ >= kLooks;
}

}  // namespace vigil::shim
