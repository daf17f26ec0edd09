// Lines of the shim on the program's standard error, with raw system calls.
//
// The program's own descriptors are its business: nothing is written when descriptor 2 was closed at the start, or has
// become another file since that does not look like a log; a broken pipe raises no SIGPIPE; a full pipe is not waited
// for longer than a moment.
#pragma once

#include <string_view>

namespace vigil::shim {

// Remembers what descriptor 2 is. Once, at the start.
void remember_stderr() noexcept;
// Writes "vigil: <text>\n" in one piece (cut at 4 KiB). Safe anywhere, signal handlers included.
void say(std::string_view text) noexcept;
// Writes text as it is.
void say_raw(std::string_view text) noexcept;

}  // namespace vigil::shim
