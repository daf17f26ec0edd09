// Timeline: what the actors did last, kept for findings when the option `timeline` is on.
//
// Invariants
//   L1  The ring holds the last kEvents events; nobody waits to write one, and the oldest are overwritten.
//   L2  An event is read whole or not at all: its number is taken back before it is overwritten, set after.
//   L3  What is not known is a gap, never a guess: a lane begins with the first event of its actor that is still held.
#pragma once

#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/finding.hpp"
#include "interpose/threads.hpp"
#include "vigil/probe.h"

namespace vigil::shim::timeline {

// Written once, while Starting: the stage's release publishes it.
extern constinit bool is_on;
inline bool on() noexcept { return is_on; }

// Once, while Starting, when the option asks for it.
void start() noexcept;

// It can run: it was created, or somebody woke it. Nothing when it is the one who acts here.
void can_run(const Actor& actor) noexcept;
// This thread runs `after` from here on and no longer `before`; null: no task.
void switched(const Actor* before, const Actor* after) noexcept;
// It is about to wait.
void waits(const Actor& actor, const vigil_probe_wait& wait) noexcept;
void waits(const Actor& actor, CallKind kind) noexcept;
// Its wait in a call of the operating system's is over.
void goes_on(const Actor& actor) noexcept;
void ends(const Actor& actor) noexcept;
// A thread of the runtime's own: what it does is told of the tasks it runs.
void hide(const Actor& thread) noexcept;

// The record of what the participants, and those who acted last, did before the finding. Not after the first
// kMostWritten findings: a record has an end.
void write(const Finding& finding, std::uint64_t id, std::int64_t at_ns) noexcept;

}  // namespace vigil::shim::timeline
