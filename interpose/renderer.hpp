// Runs `vigil report` on the record, as a process of its own beside the ending program.
#pragma once

#include <cstdint>
#include <string_view>

#include "interpose/fixed_text.hpp"

namespace vigil::shim {

// What the report has after suppressions, joined by user frames, in the command's words.
using FoundText = FixedText<512>;

enum class RenderResult : std::uint8_t {
  NoErrors,   // rendered; nothing at error level is left after suppressions
  Errors,     // rendered; errors remain
  NoCommand,  // the vigil command was not found
  Failed,     // it could not be run, failed, or took too long
};

struct Rendering {
  RenderResult result;
  bool told = false;  // by the command: `found` holds, "" being nothing that counts
  FoundText found;
};

// `record`: absolute path, NUL behind it. quiet: what the command cannot do is nobody's concern. Waits at most 10 s. No
// signal of the program's is raised, no child of it is waited for, its descriptors and memory stay untouched. Safe in a
// signal handler.
Rendering render_record(std::string_view record, bool quiet) noexcept;

}  // namespace vigil::shim
