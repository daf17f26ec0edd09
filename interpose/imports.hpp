// A loaded module's table of imported functions, and how an entry of it is changed.
#pragma once

#include <link.h>

#include <string_view>

namespace vigil::shim {

// One module's dynamic section, as far as it is needed.
struct Imports {
  const ElfW(Sym) * symbols = nullptr;
  const char* names = nullptr;
  const ElfW(Rela) * tables[2] = {};
  std::size_t counts[2] = {};
};
Imports imports_of(const dl_phdr_info& module) noexcept;

// Calls visit(name, slot) for every place that the loader fills with the address of a function of another module.
template <class Visit>
void each_import(const dl_phdr_info& module, const Imports& imports, Visit&& visit) noexcept {
  if (imports.symbols == nullptr || imports.names == nullptr) return;
  for (int table = 0; table < 2; ++table) {
    for (std::size_t i = 0; imports.tables[table] != nullptr && i < imports.counts[table]; ++i) {
      const ElfW(Rela)& relocation = imports.tables[table][i];
      const auto type = ELF64_R_TYPE(relocation.r_info);
      if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) continue;
      const ElfW(Sym)& symbol = imports.symbols[ELF64_R_SYM(relocation.r_info)];
      if (symbol.st_shndx != SHN_UNDEF) continue;  // its own
      visit(std::string_view(imports.names + symbol.st_name),
            reinterpret_cast<void**>(module.dlpi_addr + relocation.r_offset));
    }
  }
}

// Calls of that import get to `function` from here on. Another thread may be calling through it.
void redirect(const dl_phdr_info& module, void** slot, void* function) noexcept;

}  // namespace vigil::shim
