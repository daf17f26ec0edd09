#include "interpose/called_by_exit.hpp"

#include <algorithm>
#include <cstdlib>

namespace vigil::shim {

bool called_by_exit(StackId stack) noexcept {
  constexpr std::uintptr_t kExitBytes = 64;
  const auto start = reinterpret_cast<std::uintptr_t>(&::exit);
  const auto frames = frames_of(stack);
  return std::any_of(frames.begin(), frames.end(),
                     [start](std::uintptr_t pc) { return pc >= start && pc < start + kExitBytes; });
}

}  // namespace vigil::shim
