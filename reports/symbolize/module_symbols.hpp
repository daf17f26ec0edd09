// ModuleSymbols: one program or library on disk, opened with libdwfl, which also finds separate debug files by build id
// and debug link. Answers in the module's own virtual addresses.
#pragma once

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "reports/symbolize/die_index.hpp"
#include "reports/symbolize/elf_symbols.hpp"

namespace vigil::reports {

class ModuleSymbols {
 public:
  // Null when the file is missing or is no ELF file.
  static std::unique_ptr<ModuleSymbols> open(const std::string& path);
  ~ModuleSymbols();
  ModuleSymbols(const ModuleSymbols&) = delete;
  ModuleSymbols& operator=(const ModuleSymbols&) = delete;

  [[nodiscard]] const std::string& build_id() const noexcept { return build_id_; }  // "" when it has none
  [[nodiscard]] bool has_debug_information() const noexcept { return dies_ != nullptr; }

  // As DieIndex::places_of, with the symbol table standing in where debug information says nothing.
  std::vector<CodePlace> places_of(std::uint64_t address);
  // Start of the function's symbol that holds the address, or address itself when none does.
  std::uint64_t function_start(std::uint64_t address);
  // "counter", "table+0x8", or "".
  std::string data_name(std::uint64_t address);
  // Of a variable that each thread has for its own: offset into the module's part.
  std::string thread_local_name(std::uint64_t offset);
  // As DieIndex::local_name.
  std::string local_name(std::uint64_t address, const PlaceInFrame& place);

 private:
  struct DwflEnd {
    void operator()(Dwfl* dwfl) const noexcept { dwfl_end(dwfl); }
  };
  ModuleSymbols(std::unique_ptr<Dwfl, DwflEnd> dwfl, Dwfl_Module* module);
  ElfSymbols& symbols();

  std::unique_ptr<Dwfl, DwflEnd> dwfl_;  // owns module_
  Dwfl_Module* module_;
  std::string build_id_;
  std::uint64_t elf_bias_ = 0;    // libdwfl's address minus the ELF's
  std::uint64_t dwarf_bias_ = 0;  // libdwfl's address minus the DWARF's
  std::unique_ptr<DieIndex> dies_;
  std::unique_ptr<ElfSymbols> symbols_;  // made when first asked for
};

}  // namespace vigil::reports
