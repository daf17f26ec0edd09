// What the loader orders: who loads a module that is loaded already goes on after its constructors, whoever ran them.
//
// Nothing is told when they are over, nor when dlopen() returns: libc looks at its caller's module to find the RUNPATH
// that counts, so the wrapper must be gone by then. Therefore the last constructor of a module that comes after the
// start is called through one that releases into one point, and where a thread that ever called dlopen() meets a
// conflict, it is compared once more after acquiring that: more order than there is, never less.
#pragma once

#include <link.h>

#include <cstdint>

#include "interpose/race/epoch.hpp"

namespace vigil::shim::loading {

// An instrumented module is there, known or new, and its last constructor has not been called if it is new. One thread
// at a time, by the loader's lock.
void is_there(const dl_phdr_info& module) noexcept;
// Some module may be gone.
void closed() noexcept;
// This thread is about to call dlopen().
void asked() noexcept;
// Whether what happened at that moment may be ordered before what this thread does now.
bool may_order(race::Epoch older) noexcept;

}  // namespace vigil::shim::loading
