#include "reports/symbolize/module_symbols.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "reports/symbolize/demangle.hpp"

namespace vigil::reports {
namespace {

// Where debug files are looked for: beside the file, in .debug beside it, and below folders, there also by build id
// (FOLDER/.build-id/ab/cdef.debug). VIGIL_DEBUG_PATH names folders of the user's own, with colons between; the system's
// comes last.
const Dwfl_Callbacks& callbacks() {
  static const std::string path = [] {
    const char* const own = std::getenv("VIGIL_DEBUG_PATH");
    return fmt::format(":.debug{}{}:/usr/lib/debug", own == nullptr || *own == '\0' ? "" : ":",
                       own == nullptr ? "" : own);
  }();
  static char* debug_path = const_cast<char*>(path.c_str());  // libdw only reads it
  static const Dwfl_Callbacks all = {dwfl_build_id_find_elf, dwfl_standard_find_debuginfo, dwfl_offline_section_address,
                                     &debug_path};
  return all;
}

bool is_regular_file(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// "counter", "table+0x8".
std::string name_in(const ElfSymbols::Symbol* symbol, std::uint64_t address) {
  if (symbol == nullptr) return {};
  std::string name = demangle(symbol->name);
  if (address != symbol->address) name += fmt::format("+{:#x}", address - symbol->address);
  return name;
}

}  // namespace

std::unique_ptr<ModuleSymbols> ModuleSymbols::open(const std::string& path) {
  if (!is_regular_file(path)) return nullptr;
  std::unique_ptr<Dwfl, DwflEnd> dwfl(dwfl_begin(&callbacks()));
  if (!dwfl) return nullptr;
  dwfl_report_begin(dwfl.get());
  Dwfl_Module* module = dwfl_report_offline(dwfl.get(), path.c_str(), path.c_str(), -1);
  dwfl_report_end(dwfl.get(), nullptr, nullptr);
  if (module == nullptr) return nullptr;
  return std::unique_ptr<ModuleSymbols>(new ModuleSymbols(std::move(dwfl), module));
}

ModuleSymbols::ModuleSymbols(std::unique_ptr<Dwfl, DwflEnd> dwfl, Dwfl_Module* module)
    : dwfl_(std::move(dwfl)), module_(module) {
  GElf_Addr bias = 0;
  if (dwfl_module_getelf(module_, &bias) != nullptr) elf_bias_ = bias;
  const unsigned char* id = nullptr;
  GElf_Addr where = 0;
  const int length = dwfl_module_build_id(module_, &id, &where);
  for (int i = 0; i < length; ++i) build_id_ += fmt::format("{:02x}", id[i]);
  Dwarf_Addr dwarf_bias = 0;
  Dwarf* dwarf = dwfl_module_getdwarf(module_, &dwarf_bias);
  if (dwarf != nullptr) {
    dwarf_bias_ = dwarf_bias;
    dies_ = std::make_unique<DieIndex>(dwarf);
  }
}

ModuleSymbols::~ModuleSymbols() = default;

ElfSymbols& ModuleSymbols::symbols() {
  if (!symbols_) symbols_ = std::make_unique<ElfSymbols>(module_, elf_bias_);
  return *symbols_;
}

std::vector<CodePlace> ModuleSymbols::places_of(std::uint64_t address) {
  std::vector<CodePlace> places;
  if (dies_) places = dies_->places_of(address + elf_bias_ - dwarf_bias_);
  if (places.empty()) places.emplace_back();
  if (places.back().function.empty()) {
    const ElfSymbols::Symbol* symbol = symbols().function_at(address);
    if (symbol != nullptr) places.back().function = demangle(symbol->name);
  }
  return places;
}

std::uint64_t ModuleSymbols::function_start(std::uint64_t address) {
  const ElfSymbols::Symbol* symbol = symbols().function_at(address);
  return symbol == nullptr ? address : symbol->address;
}

std::string ModuleSymbols::data_name(std::uint64_t address) { return name_in(symbols().data_at(address), address); }

std::string ModuleSymbols::thread_local_name(std::uint64_t offset) {
  return name_in(symbols().thread_local_at(offset), offset);
}

std::string ModuleSymbols::local_name(std::uint64_t address, const PlaceInFrame& place) {
  return dies_ ? dies_->local_name(address + elf_bias_ - dwarf_bias_, place) : std::string();
}

}  // namespace vigil::reports
