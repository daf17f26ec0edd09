// Signals that end the process: a handler of ours stands wherever the program left the default, so that a death by
// signal still ends with a record. The program never sees it: its view of a signal goes through the functions below.
#pragma once

#include <signal.h>

namespace vigil::shim {

// Puts our handler on every signal whose default ends the process, where the disposition is the default now.
void watch_signals() noexcept;

// sigaction() as the program sees it.
int program_sigaction(int signal_number, const struct sigaction* action, struct sigaction* old) noexcept;
// After a function of the signal() family ran: takes the new disposition in hand, and says what `old` is to the
// program.
sighandler_t adopt_disposition(int signal_number, sighandler_t old) noexcept;
// Whether the program ignores the signal.
bool is_ignored(int signal_number) noexcept;
// Lets the signal's default happen, now, on this thread. Returns only when the default does not end the process.
void take_default_action(int signal_number) noexcept;

}  // namespace vigil::shim
