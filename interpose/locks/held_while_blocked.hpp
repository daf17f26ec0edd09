// Held while blocked: actors that hold a lock and wait on a channel, a select or a wait group, where those who could
// wake them wait for that very lock.
//
// Told in two moments:
//   - when nothing can move any more, beside the deadlock that this has led to;
//   - when such a wait on a channel ends after all: somebody else did it, while one of those who have done so before
//     waited for the lock. One more that wants the lock, and nobody is left.
// That who could wake it took the lock some time or other is not enough: what the lock guards may say that it is not
// wanted now (decision 122).
#pragma once

#include "interpose/actor.hpp"
#include "interpose/objects.hpp"
#include "vigil/probe.h"

namespace vigil::shim::locks {

// When nothing can move any more. Gives up when the runtime does not hold still.
void tell_held_while_blocked() noexcept;

// The actor is about to park, under the lock of what it waits for. True: on channels, with a lock in hand, and only
// others can end it; then where it parks is to be remembered (Actor::parked_at).
bool parks_with_lock(const vigil_probe_actor* actor, const vigil_probe_wait& wait) noexcept;
// That wait has ended, by that deed of its own, which the actor that runs here may have done for it. Under the
// channel's lock.
void held_wait_ended(Actor& holder, const void* channel, ChannelDeed deed) noexcept;

}  // namespace vigil::shim::locks
