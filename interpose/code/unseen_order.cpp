#include "interpose/code/unseen_order.hpp"

#include "interpose/code/reach.hpp"
#include "interpose/race/engine_mode.hpp"

namespace vigil::shim::unseen_order {

bool possible() noexcept { return race::engine_mode() == race::EngineMode::Tsan; }

bool possible(StackId stack) noexcept {
  return possible() || (!race::engine_is_native() && code::reaches_ordering(stack));
}

bool may_poll(StackId stack) noexcept { return !race::engine_is_native() && code::reaches_loop(stack); }

}  // namespace vigil::shim::unseen_order
