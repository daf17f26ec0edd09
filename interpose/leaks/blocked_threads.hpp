// Blocked threads: the program's threads that wait in a call of pthread's for what only a certain other actor can end.
#pragma once

#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/leaks/parked_stack.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::leaks {

// A wait that only a certain other actor ends: who holds the lock, or is joined. Not those that a signal's handler may
// end, and many a program's does (judge.cpp): semaphores, conditions, words.
constexpr bool waits_for_actor(CallKind kind) noexcept {
  return kind == CallKind::Join || kind == CallKind::Mutex || kind == CallKind::ReadLock || kind == CallKind::WriteLock;
}

struct BlockedThread {
  ActorKey key{};
  ParkedStack stack;
  int tid = 0;
  std::uint32_t round = 0;     // another wait has another
  std::uint32_t since_ms = 0;  // coarse_ms()
  std::uintptr_t object = 0;   // the lock, or the pthread_t of who is joined
  ActorKey holder{};           // who holds it, or is joined, if that is known
};

// Those whose stacks are known. Between pause() and resume(). Each may have gone on before this returns: ask again for
// its round.
[[nodiscard]] OwnVector<BlockedThread> blocked_threads(ParkedStacks& stacks) noexcept;

}  // namespace vigil::shim::leaks
