// Runs `vigil report` on the record, as a process of its own beside the ending program.
#pragma once

#include <cstdint>
#include <string_view>

namespace vigil::shim {

enum class RenderResult : std::uint8_t {
  NoErrors,   // rendered; nothing at error level is left after suppressions
  Errors,     // rendered; errors remain
  NoCommand,  // the vigil command was not found
  Failed,     // it could not be run, failed, or took too long
};

// `record`: absolute path, NUL behind it. Waits at most 10 s. No signal of the program's is raised, no child of it is
// waited for, its descriptors and memory stay untouched. Safe in a signal handler.
RenderResult render_record(std::string_view record) noexcept;

}  // namespace vigil::shim
