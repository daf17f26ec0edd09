// Variables: the watched ones (Traced<T>). Their accesses enter the race engine's shadow (race/memory.hpp), in plain
// builds as well.
//
// Static initialisers: a plain build tests the guard of a function's static variable inline, so whoever finds it
// initialised says nothing. Therefore the releases of all guards are collected in one point, and an access that
// conflicts is compared once more after acquiring that: more order than there is, never less.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/race/epoch.hpp"

namespace vigil::shim::variables {

// Outside the shim: these set the guard themselves.
void make(std::uintptr_t address, std::size_t size) noexcept;
void destroy(std::uintptr_t address, std::size_t size) noexcept;
void read(std::uintptr_t address, std::size_t size) noexcept;
void write(std::uintptr_t address, std::size_t size) noexcept;

// Whether what happened at that moment is in the past of whoever finds a static variable initialised.
bool may_be_ordered_by_initialisation(race::Epoch older) noexcept;

// The actor finished the initialisation of a static variable. pc: in the function that has it.
void static_initialised(Actor& actor, std::uintptr_t pc) noexcept;

}  // namespace vigil::shim::variables
