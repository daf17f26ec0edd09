#include "reports/symbolize/elf_symbols.hpp"

#include <algorithm>
#include <tuple>

namespace vigil::reports {
namespace {

// Aliases of one address: plain names before those with leading underscores, exported before local.
int rank_of(const char* name, unsigned binding) noexcept {
  int underscores = 0;
  while (name[underscores] == '_' && underscores < 8) ++underscores;
  if (name[0] == '_' && name[1] == 'Z') underscores = 0;
  return underscores * 4 + (binding == STB_GLOBAL ? 0 : binding == STB_WEAK ? 1 : 2);
}

void sort_symbols(std::vector<ElfSymbols::Symbol>& symbols) {
  std::sort(symbols.begin(), symbols.end(),
            [](const auto& a, const auto& b) { return std::tie(a.address, a.rank) < std::tie(b.address, b.rank); });
  const auto same = [](const auto& a, const auto& b) { return a.address == b.address; };
  symbols.erase(std::unique(symbols.begin(), symbols.end(), same), symbols.end());
}

}  // namespace

ElfSymbols::ElfSymbols(Dwfl_Module* module, std::uint64_t bias) {
  const int count = dwfl_module_getsymtab(module);
  for (int i = 1; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    GElf_Word section = 0;
    const char* name = dwfl_module_getsym_info(module, i, &symbol, &address, &section, nullptr, nullptr);
    if (name == nullptr || *name == '\0' || symbol.st_shndx == SHN_UNDEF) continue;
    const unsigned type = GELF_ST_TYPE(symbol.st_info);
    Symbol entry{symbol.st_value, symbol.st_size, name, rank_of(name, GELF_ST_BIND(symbol.st_info))};
    if (type == STT_TLS) thread_local_.push_back(entry);  // an offset, not an address
    if (address < bias) continue;
    entry.address = address - bias;
    if (type == STT_FUNC || type == STT_GNU_IFUNC) functions_.push_back(entry);
    if (type == STT_OBJECT) data_.push_back(entry);
  }
  sort_symbols(functions_);
  sort_symbols(data_);
  sort_symbols(thread_local_);
}

const ElfSymbols::Symbol* ElfSymbols::find(const std::vector<Symbol>& sorted, std::uint64_t address) noexcept {
  auto at = std::upper_bound(sorted.begin(), sorted.end(), address,
                             [](std::uint64_t value, const Symbol& s) { return value < s.address; });
  if (at == sorted.begin()) return nullptr;
  --at;
  const bool inside = at->size == 0 ? at->address == address : address - at->address < at->size;
  return inside ? &*at : nullptr;
}

}  // namespace vigil::reports
