// What this thread is, in a load or two: for the few ways that are taken at every lock and unlock. Everybody else asks
// current_actor(), this_thread() and is_concurrent().
#pragma once

#include <atomic>

#include "interpose/actor.hpp"

namespace vigil::shim {
class RecentStacks;
}

namespace vigil::shim::detail {

// The task that this thread runs; null: none (actor.cpp).
extern thread_local constinit Actor* running __attribute__((tls_model("initial-exec")));
// This thread as an actor of its own; null: not known yet (threads.cpp).
extern thread_local constinit Actor* own_thread __attribute__((tls_model("initial-exec")));
// The same for the ways that are taken at every lock: in one place, which is one look-up.
struct Lane {
  Actor* acting = nullptr;         // running, or else own_thread
  RecentStacks* recent = nullptr;  // this thread's (stacks/recent_stacks.hpp); null: it has none, or none yet
  int tid = 0;                     // own_thread's; 0: not known yet
  void acts() noexcept { acting = running != nullptr ? running : own_thread; }
};
extern thread_local constinit Lane lane __attribute__((tls_model("initial-exec")));
// What is_concurrent() tells.
extern constinit std::atomic<bool> concurrent;

// Why the quick ways of locks are closed: each reason a bit that whoever knows it sets and clears, besides saying so in
// its own place. So the quick ways ask once.
enum Detour : std::uint8_t {
  kAlone = 1,        // not is_concurrent()
  kNotLive = 2,      // stage() is not Live
  kOrderIsKept = 4,  // locks order something in the whole order, or the ThreadSanitizer runtime is told of it
  kTimeline = 8,     // it shows who can run
  kForwards = 16,    // glibc's locks are not taken in place, but by its functions (locks/in_place.hpp)
};
// acquire in readers pairs with the release that clears kNotLive, as that of current_stage.
extern constinit std::atomic<std::uint8_t> detours;

}  // namespace vigil::shim::detail
