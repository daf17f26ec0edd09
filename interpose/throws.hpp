// Throws: where each actor threw its last exceptions, so that one that leaves a task can be shown where it began.
#pragma once

#include "interpose/actor.hpp"

namespace vigil::shim {

// This thread's actor throws an exception of that type (its mangled name, kept by pointer: it lies in type_info).
void remember_throw(const char* type) noexcept;
// The stack of the actor's youngest throw of that type, or of its youngest when type is null; kNoStack: none known.
StackId last_throw(const Actor& actor, const char* type) noexcept;
void forget_throws(Actor& actor) noexcept;

}  // namespace vigil::shim
