// What an ELF file tells about how it was built, as far as it decides what vigil can find in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vigil::reports {

struct ProgramFacts {
  std::vector<std::string> libraries;  // it needs, by soname
  bool has_lines = false;              // debug information of its own
  bool has_symbols = false;            // a symbol table besides the dynamic one
  bool instrumented = false;           // compiled for ThreadSanitizer or by vigil_instrument()
  bool has_sanitizer = false;          // with ThreadSanitizer's own runtime
  std::string build_id;                // hex, "" without one

  [[nodiscard]] bool needs(const std::string& soname_start) const;
};

// Nothing when path is no 64-bit ELF file that can be read.
std::optional<ProgramFacts> facts_of_program(const std::string& path);

}  // namespace vigil::reports
