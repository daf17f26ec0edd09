// The bridge to the ThreadSanitizer runtime (EngineMode::Tsan): a program compiled and linked with -fsanitize=thread
// keeps its own race engine, and that engine learns from us what it cannot see.
//
//   - Tasks are fibers of the runtime: made by whoever starts them, switched to by the worker that runs them, gone at
//     their end. A task's stack is forgotten there, for the next one on it has nothing to do with it.
//   - Every edge of order.hpp is told (tsan_bridge_order.hpp).
//   - Its reports become findings and print nothing (tsan_bridge_report.cpp).
//
// The runtime can follow so many tasks at a time (tsan_bridge_runtime.hpp). Those beyond run unseen: their accesses are
// not looked at, and their edges are told as those of the worker that runs them, all of which know of each other. That
// is more order than there is, so it hides races and invents none. One line says so.
//
// Locks: the runtime's own are taken inside every call of it, and are held while it reports to us; so nothing of ours
// that a report needs may be held while threads or fibers are made.
#pragma once

#include <atomic>
#include <cstdint>

#include "interpose/actor.hpp"

namespace vigil::shim::race::bridge {

namespace detail {
extern constinit std::atomic<bool> on;
extern thread_local constinit bool thread_is_over __attribute__((tls_model("initial-exec")));
extern thread_local constinit bool runs_unseen __attribute__((tls_model("initial-exec")));
}  // namespace detail

// relaxed: set before the second thread exists.
inline bool is_on() noexcept { return detail::on.load(std::memory_order_relaxed); }
// The runtime knows this thread, and has not finished with it.
inline bool can_tell() noexcept { return is_on() && !detail::thread_is_over; }
// This thread runs a task that the runtime does not follow: its calls and accesses are not to reach it.
inline bool is_unseen() noexcept { return detail::runs_unseen; }

// The runtime has started. Once.
void start() noexcept;
// An instrumented module was loaded; also once when the shim is initialised, after libc.
void module_arrived() noexcept;

void task_created(Actor& task) noexcept;
// On the task's own stack, of which nothing below that address will be used any more.
void task_ended(Actor& task, std::uintptr_t stack_end) noexcept;
// From here this thread runs that task, or, with null, its own loop. Also while the program ends.
void task_switched(Actor* task) noexcept;

void thread_known(int system_id, ActorKey key) noexcept;
// This thread's end is near: the runtime may have finished with it.
inline void thread_ends() noexcept { detail::thread_is_over = true; }

}  // namespace vigil::shim::race::bridge
