// The end of the program, by whatever way: one sequence, run once.
//
//   claim the end -> detectors_before_end -> Stopping -> detectors_at_end -> last records -> render -> one line on
//   stderr
//
// Each step runs inside a safety net (safety_net.hpp): a step that crashes or takes too long is left out, the next one
// still runs.
#pragma once

#include <cstdint>
#include <string_view>

namespace vigil::shim {

enum class EndKind : std::uint8_t { Exit, UnderscoreExit, Abort, Signal, Deadlock, Deadline, Exec };
std::string_view name_of(EndKind kind) noexcept;
constexpr bool is_normal(EndKind kind) noexcept { return kind == EndKind::Exit || kind == EndKind::UnderscoreExit; }

// ---- what the detectors implement ------------------------------------------------------------------------------

// At a normal end, still Live: lets tasks that only have to run to their end do so, so that what they do there is seen.
void detectors_before_end() noexcept;
// Reports what can only be known at the end (leaks at a normal end, state at another) and writes the tasks, state,
// wait_for and lock_order records. Runs once, with the stage at Stopping: no event comes in any more. At Abort and
// Signal the calling thread was interrupted anywhere, maybe holding a lock of ours: take locks with a bounded try, and
// rather leave something out than wait. Not called for Exec.
void detectors_at_end(EndKind kind) noexcept;
// Prints all tasks to stderr (SIGQUIT). On the service thread, while the program runs on.
void dump_tasks() noexcept;

// ---- what the detectors call -----------------------------------------------------------------------------------

// The runtime is there (vigil_probe_attach): opens the record and starts the service thread.
void on_runtime_attached() noexcept;
// Ends the process now as `kind` says (Deadlock, Deadline): record, report, _exit. From any thread that holds no lock
// of ours, helper threads as well.
[[noreturn]] void end_process(EndKind kind) noexcept;

// ---- what the ways out call ------------------------------------------------------------------------------------

// Runs the end once; a second caller waits for the first to end the process. Returns the exit status to use in place of
// `status` (signals: ignored). `signal` is 0 for exits.
int run_end(EndKind kind, int status, int signal_number) noexcept;
// Before execve: writes the end record and, when there are findings, the report. The run goes on when the exec fails.
void before_exec() noexcept;
// After report() of the first error under halt_on_error.
void halt_after_error() noexcept;
// While the detectors run at the end: what lies above on the stack of the thread that ends the program is the
// program's, the registers it came with included.
std::uintptr_t stack_pointer_at_end() noexcept;
// Whether the end has begun, on whatever thread.
bool is_ending() noexcept;
// In a fork's child that starts afresh.
void reset_end_after_fork() noexcept;

}  // namespace vigil::shim
