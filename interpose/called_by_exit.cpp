#include "interpose/called_by_exit.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "interpose/real_calls.hpp"

namespace vigil::shim {

bool called_by_exit(StackId stack) noexcept {
  constexpr std::uintptr_t kExitBytes = 64;
  // Those of libc: what they call is the last they do, so it returns right behind them.
  const std::uintptr_t starts[] = {reinterpret_cast<std::uintptr_t>(&::exit),
                                   reinterpret_cast<std::uintptr_t>(real_process().quick_exit)};
  const auto frames = frames_of(stack);
  return std::ranges::any_of(frames, [&](std::uintptr_t pc) {
    return std::ranges::any_of(starts, [pc](std::uintptr_t start) { return pc >= start && pc < start + kExitBytes; });
  });
}

}  // namespace vigil::shim
