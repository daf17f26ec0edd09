#include "interpose/instrumented_code.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string_view>

#include "interpose/futex_lock.hpp"
#include "interpose/heap.hpp"
#include "interpose/race/engine_mode.hpp"

namespace vigil::shim {
namespace {

constexpr std::uintptr_t kPage = 4096;
// What every instrumented module imports, whatever the compiler.
constexpr std::array<std::string_view, 2> kSigns{"__tsan_init", "__tsan_func_entry"};

struct Range {
  // relaxed: an entry is whole before the count that publishes it, and never changes.
  std::atomic<std::uintptr_t> low{0};
  std::atomic<std::uintptr_t> high{0};
};
constexpr std::size_t kMostRanges = 256;  // a program of more instrumented modules has the rest's frees unchecked
constinit std::array<Range, kMostRanges> ranges{};
constinit std::atomic<std::size_t> range_count{0};
constinit FutexLock looking;  // one thread looks at a time

// One module's dynamic section, as far as it is needed.
struct Imports {
  const ElfW(Sym) * symbols = nullptr;
  const char* names = nullptr;
  const ElfW(Rela) * tables[2] = {};
  std::size_t counts[2] = {};
};

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

void put(const dl_phdr_info& module, void** slot, void* function) noexcept {
  if (*slot == function) return;
  auto* const page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(slot) / kPage * kPage);
  const bool sealed = is_sealed(module, slot);
  if (sealed && mprotect(page, kPage, PROT_READ | PROT_WRITE) != 0) return;
  __atomic_store_n(slot, function, __ATOMIC_RELAXED);  // another thread may be calling through it
  if (sealed) mprotect(page, kPage, PROT_READ);
}

const Replacement* replacement_for(std::string_view name) noexcept {
  for (const auto all : {memory_replacements(), allocation_replacements(), cxxabi_replacements()}) {
    for (const Replacement& one : all) {
      if (name == one.name) return &one;
    }
  }
  return nullptr;
}

void remember(const dl_phdr_info& module) noexcept {
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = module.dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    const std::uintptr_t low = module.dlpi_addr + part.p_vaddr;
    if (is_instrumented(low)) continue;
    const std::size_t count = range_count.load(std::memory_order_relaxed);
    if (count == kMostRanges) return;
    ranges[count].low.store(low, std::memory_order_relaxed);
    ranges[count].high.store(low + part.p_memsz, std::memory_order_relaxed);
    range_count.store(count + 1, std::memory_order_release);  // pairs with the acquire in is_instrumented()
  }
}

int look_at(dl_phdr_info* module, std::size_t /*size*/, void* /*nothing*/) noexcept {
  const Imports imports = imports_of(*module);
  bool is_ours = false;
  each_import(*module, imports, [&](std::string_view name, void** /*slot*/) {
    for (const std::string_view sign : kSigns) is_ours = is_ours || name == sign;
  });
  if (!is_ours) return 0;
  remember(*module);
  each_import(*module, imports, [&](std::string_view name, void** slot) {
    const Replacement* const replacement = replacement_for(name);
    if (replacement == nullptr) return;
    if (*replacement->real == nullptr) *replacement->real = dlsym(RTLD_DEFAULT, replacement->name);
    if (*replacement->real != nullptr) put(*module, slot, replacement->ours);
  });
  return 0;
}

}  // namespace

bool is_instrumented(std::uintptr_t pc) noexcept {
  const std::size_t count = range_count.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    if (pc >= ranges[i].low.load(std::memory_order_relaxed) && pc < ranges[i].high.load(std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void instrumented_code_arrived() noexcept {
  if (!race::engine_is_native()) return;
  heap::watch();
  looking.lock();
  dl_iterate_phdr(look_at, nullptr);
  looking.unlock();
}

}  // namespace vigil::shim
