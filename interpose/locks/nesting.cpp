#include "interpose/locks/nesting.hpp"

#include <algorithm>
#include <span>

namespace vigil::shim::locks {

std::uint64_t nesting_of(StackId taken_at, StackId wanted_at) noexcept {
  const std::span<const std::uintptr_t> taken = frames_of(taken_at);
  const std::span<const std::uintptr_t> wanted = frames_of(wanted_at);
  const std::size_t most = std::min(taken.size(), wanted.size());
  std::size_t callers = 0;
  while (callers < most && taken[taken.size() - 1 - callers] == wanted[wanted.size() - 1 - callers]) ++callers;
  if (callers == most) callers = 0;  // one place, in a loop: which function goes round does not show
  std::uint64_t number = 0;
  const auto add = [&](std::span<const std::uintptr_t> frames) {
    const std::size_t inside = frames.size() - callers;
    number = (number ^ inside) * 0x9e3779b97f4a7c15ULL;
    for (const std::uintptr_t frame : frames.first(inside)) {
      number = (number ^ frame) * 0x9e3779b97f4a7c15ULL;
      number ^= number >> 32U;
    }
  };
  add(taken);
  add(wanted);
  return number;
}

}  // namespace vigil::shim::locks
