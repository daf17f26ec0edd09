#include "interpose/channel_touch.hpp"

#include <algorithm>

namespace vigil::shim::channel_touch {
namespace detail {

thread_local constinit Allowance allowance __attribute__((tls_model("initial-exec"))) = {};
constinit std::atomic<bool> was_short{false};

bool take_late() noexcept {
  constexpr std::uint32_t kBetweenLooks = 64;  // refusals, which are cheaper than the clock
  if (allowance.refused++ % kBetweenLooks == 0) grow(coarse_ms());
  if (allowance.places == 0) {
    if (!was_short.load(std::memory_order_relaxed)) was_short.store(true, std::memory_order_relaxed);
    return false;
  }
  --allowance.places;
  return true;
}

}  // namespace detail

void grow(std::uint32_t now_ms) noexcept {
  detail::Allowance& mine = detail::allowance;
  if (mine.places == detail::Allowance::kMost || now_ms == mine.tick) return;
  const std::uint32_t passed = std::min(now_ms - mine.tick, detail::Allowance::kMost);
  mine.tick = now_ms;
  mine.places = std::min(mine.places + passed * detail::Allowance::kEachMs, detail::Allowance::kMost);
}

}  // namespace vigil::shim::channel_touch
