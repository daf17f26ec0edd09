// ElfSymbols: the functions and globals of a module's symbol tables, sorted by address; for code without debug
// information and for naming variables. Reads .symtab, else .dynsym, and the compressed .gnu_debugdata, through
// libdwfl.
#pragma once

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vigil::reports {

class ElfSymbols {
 public:
  struct Symbol {
    std::uint64_t address;
    std::uint64_t size;  // 0 when unknown
    const char* name;    // the module's own memory
    int rank;            // among aliases the lowest is shown
  };

  // Addresses are the module's ELF virtual addresses: libdwfl's minus bias.
  ElfSymbols(Dwfl_Module* module, std::uint64_t bias);

  // The symbol that holds the address, or null.
  [[nodiscard]] const Symbol* function_at(std::uint64_t address) const noexcept { return find(functions_, address); }
  [[nodiscard]] const Symbol* data_at(std::uint64_t address) const noexcept { return find(data_, address); }
  // Of what each thread has for its own: addresses are offsets into the module's part.
  [[nodiscard]] const Symbol* thread_local_at(std::uint64_t offset) const noexcept {
    return find(thread_local_, offset);
  }

 private:
  static const Symbol* find(const std::vector<Symbol>& sorted, std::uint64_t address) noexcept;

  std::vector<Symbol> functions_;
  std::vector<Symbol> data_;
  std::vector<Symbol> thread_local_;
};

}  // namespace vigil::reports
