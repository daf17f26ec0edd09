// Contexts: which are done, since when and by whom; which task belongs to which; which went without ever being done.
//
// Invariants
//   C1  A ContextObject lives while its context does, or an actor belongs to it, or a child of it lives.
//   C2  `reason` is written once, before done_at and ended_by are read: acquire and release on it.
// A task belongs to the context it was started with; else, as long as nobody hands it another, to that of the task
// that started it. Threads belong to none.
#pragma once

#include <atomic>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/own_memory.hpp"
#include "vigil/probe.h"

namespace vigil::shim {

struct ContextObject {
  std::uintptr_t address = 0;
  StackId created_at = kNoStack;
  ActorKey maker{};
  std::uint64_t tasks_before = 0;   // so many had been started when it was made: it is older than those with higher ids
  std::uintptr_t done = 0;          // its own channel; 0: none
  std::uint32_t flags = 0;          // VIGIL_CONTEXT_...
  ContextObject* parent = nullptr;  // one reference
  ActorKey ended_by{};
  StackId ended_at = kNoStack;
  std::uint32_t ended_at_ms = 0;  // coarse_ms()
  bool is_abandoned = false;      // its last cancel function went; guarded by the table's lock, as are the next two
  ActorKey abandoned_by{};
  StackId abandoned_at = kNoStack;
  std::atomic<std::uint32_t> reason{0};   // VIGIL_CONTEXT_CANCELED or ..._DEADLINE_EXCEEDED; 0: not done
  std::atomic<std::uint64_t> references;  // made with one: the context's own
};

namespace contexts {

// done: its channel, when it is its own.
void made(const Actor& actor, const void* context, const void* parent, const void* done, std::uint32_t flags) noexcept;
void done(const Actor& actor, const void* context, std::uint32_t reason) noexcept;
// Its last cancel function went.
void abandoned(const void* context) noexcept;
// May report a context-leak.
void destroyed(const void* context) noexcept;

// The task belongs to the context from now on.
void adopt(Actor& task, const void* context) noexcept;
// A task was started, and belongs to what its creator belongs to.
void inherit(Actor& task, const Actor& creator) noexcept;
void leave(Actor& task) noexcept;

// Whether that channel is some live context's done().
bool is_done_channel(const void* channel) noexcept;

// Whether a receive of that wait is from the done() of a context that time will end: with a deadline, its own or an
// ancestor's, that is still to come.
bool will_end(const vigil_probe_wait& wait) noexcept;

// What ended the actor's context: the context itself, or the ancestor whose end is its own. Null: it is not done, or
// the actor belongs to none.
const ContextObject* ended(const Actor& actor) noexcept;
// The same for a parked task that belongs to none, but was started with a context in its closure: one that is older
// than the task, for its own variables may lie beside the closure. Demands that the runtime is paused.
const ContextObject* ended_in_closure(const vigil_probe_actor_view& task) noexcept;

// The context whose last cancel function went uncalled and that nobody can end any more, neither itself nor an ancestor
// nor time, when that task lives on with it: started with it, or waiting for it. Null: there is none. Demands that the
// runtime is paused.
const ContextObject* abandoned_under(const vigil_probe_actor_view& task) noexcept;

}  // namespace contexts
}  // namespace vigil::shim
