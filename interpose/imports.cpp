#include "interpose/imports.hpp"

#include <elf.h>
#include <sys/mman.h>

#include <cstdint>

namespace vigil::shim {
namespace {

constexpr std::uintptr_t kPage = 4096;

// What was written once while loading is read-only since.
bool is_sealed(const dl_phdr_info& module, const void* slot) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(slot) - module.dlpi_addr;
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = module.dlpi_phdr[i];
    // The loader seals whole pages, and so not the last part of one.
    if (part.p_type == PT_GNU_RELRO && at >= part.p_vaddr / kPage * kPage &&
        at < (part.p_vaddr + part.p_memsz) / kPage * kPage) {
      return true;
    }
  }
  return false;
}

}  // namespace

Imports imports_of(const dl_phdr_info& module) noexcept {
  Imports found;
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    if (module.dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(module.dlpi_addr + module.dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      // The loader has put addresses where the file had offsets; in the vdso it has not, but that imports nothing.
      const std::uintptr_t value = entry->d_un.d_ptr;
      switch (entry->d_tag) {
        case DT_SYMTAB:
          found.symbols = reinterpret_cast<const ElfW(Sym)*>(value);
          break;
        case DT_STRTAB:
          found.names = reinterpret_cast<const char*>(value);
          break;
        case DT_JMPREL:
          found.tables[0] = reinterpret_cast<const ElfW(Rela)*>(value);
          break;
        case DT_PLTRELSZ:
          found.counts[0] = value / sizeof(ElfW(Rela));
          break;
        case DT_RELA:
          found.tables[1] = reinterpret_cast<const ElfW(Rela)*>(value);
          break;
        case DT_RELASZ:
          found.counts[1] = value / sizeof(ElfW(Rela));
          break;
        default:
          break;
      }
    }
  }
  return found;
}

void redirect(const dl_phdr_info& module, void** slot, void* function) noexcept {
  if (*slot == function) return;
  auto* const page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(slot) / kPage * kPage);
  const bool sealed = is_sealed(module, slot);
  if (sealed && mprotect(page, kPage, PROT_READ | PROT_WRITE) != 0) return;
  __atomic_store_n(slot, function, __ATOMIC_RELAXED);
  if (sealed) mprotect(page, kPage, PROT_READ);
}

}  // namespace vigil::shim
