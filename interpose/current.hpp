// What this thread is, in a load or two: for the few ways that are taken at every lock and unlock. Everybody else asks
// current_actor(), this_thread() and is_concurrent().
#pragma once

#include <atomic>

#include "interpose/actor.hpp"

namespace vigil::shim::detail {

// The task that this thread runs; null: none (actor.cpp).
extern thread_local constinit Actor* running __attribute__((tls_model("initial-exec")));
// This thread as an actor of its own; null: not known yet (threads.cpp).
extern thread_local constinit Actor* own_thread __attribute__((tls_model("initial-exec")));
// What is_concurrent() tells.
extern constinit std::atomic<bool> concurrent;

}  // namespace vigil::shim::detail
