// Watched children: processes that this one started, directly or through others, that have a shim of their own.
//
// Whoever only started them (sh, timeout, make) has the same options as they and was first: its time is over a little
// before theirs. It is not to be ended for that; they end themselves, and it goes on.
#pragma once

#include <cstdint>

namespace vigil::shim {

enum class Children : std::uint8_t { None, Unwatched, Watched };

// What lives below this process, if it has one thread only; None of one that has more: it does things of its own.
// Watched is who was begun by exec and has this library loaded. A fork's child that never execs is not: it has no
// deadline but its parent's. Nor, for a moment, is one that has only just begun, and who cannot be looked into.
// And none is while this process computes: it waits for nobody then. Reads files of /proc: not for often.
Children children_waited_for() noexcept;

}  // namespace vigil::shim
