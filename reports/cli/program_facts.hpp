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
  bool by_clang = false;               // some of it was compiled by clang
  std::string build_id;                // hex, "" without one

  [[nodiscard]] bool needs(const std::string& soname_start) const;
  // ThreadSanitizer's runtime (of g++ 12, of clang until 17) ends with "unexpected memory mapping" where the kernel
  // moves addresses further about than it has room for.
  [[nodiscard]] bool needs_fixed_addresses(int random_bits) const noexcept;
};

// How many bits of the addresses of mappings the kernel draws by lot; 0 where it does not say.
int randomised_address_bits();

// Nothing when path is no 64-bit ELF file that can be read.
std::optional<ProgramFacts> facts_of_program(const std::string& path);

}  // namespace vigil::reports
