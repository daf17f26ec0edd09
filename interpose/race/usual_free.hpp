// The usual way of a free: of a small block, where nobody has to be told of anything.
#pragma once

#include <cstdint>

#include "interpose/race/engine_thread.hpp"

namespace vigil::shim::race {

// Enters the free of [address, end), of granules whole but for the last, as long as it supersedes all that is known of
// them: they get one state. Returns where that ends; the rest has to go the general way. Between enter() and leave().
std::uintptr_t free_usual(EngineThread& thread, std::uintptr_t address, std::uintptr_t end, std::uintptr_t pc) noexcept;

}  // namespace vigil::shim::race
