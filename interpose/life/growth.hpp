// Growth: how many live tasks each place has started, and whether they only ever become more.
//
// A window is a quarter of the limit in tasks started at one place. At the end of each the live ones are counted: when
// the count has grown in four windows one after the other and has reached the limit, that is task-growth. A burst that
// shrinks again before, and a pool however busy, show a window without growth. No clock is asked, so load changes
// nothing.
#pragma once

#include "interpose/actor.hpp"

namespace vigil::shim::growth {

// Only while task-growth is asked for.
void started(const Actor& creator, const Actor& task) noexcept;
void ended(const Actor& task) noexcept;

}  // namespace vigil::shim::growth
