#include "reports/cli/program_facts.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

namespace vigil::reports {
namespace {

constexpr std::uint64_t kBiggestSection = std::uint64_t{256} << 20U;  // bytes that are read of one
constexpr std::size_t kMostSections = 65536;

// The sections of a file. Whatever its headers claim, reads stay inside the file and within the bounds above.
class Sections {
 public:
  explicit Sections(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    Elf64_Ehdr header{};
    if (fd_ < 0 || !read(&header, sizeof header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64)
      return;
    is_elf_ = true;
    for (std::size_t i = 0; i < header.e_shnum && i < kMostSections; ++i) {
      Elf64_Shdr section{};
      if (!read(&section, sizeof section, header.e_shoff + i * sizeof section)) return;
      headers_.push_back(section);
    }
    if (header.e_shstrndx < headers_.size()) names_ = text_of(headers_[header.e_shstrndx]);
  }
  ~Sections() {
    if (fd_ >= 0) ::close(fd_);
  }
  Sections(const Sections&) = delete;
  Sections& operator=(const Sections&) = delete;

  [[nodiscard]] bool is_elf() const noexcept { return is_elf_; }
  [[nodiscard]] const Elf64_Shdr* find(std::string_view name) const {
    const auto at = std::find_if(headers_.begin(), headers_.end(),
                                 [&](const Elf64_Shdr& section) { return string_at(names_, section.sh_name) == name; });
    return at == headers_.end() ? nullptr : &*at;
  }
  [[nodiscard]] std::string text_of(const Elf64_Shdr& section) const {
    if (section.sh_type == SHT_NOBITS || section.sh_size > kBiggestSection) return {};
    std::string text(section.sh_size, '\0');
    return read(text.data(), text.size(), section.sh_offset) ? text : std::string();
  }
  // The string table that belongs to a section.
  [[nodiscard]] std::string strings_of(const Elf64_Shdr& section) const {
    return section.sh_link < headers_.size() ? text_of(headers_[section.sh_link]) : std::string();
  }
  static std::string_view string_at(std::string_view strings, std::uint64_t offset) {
    if (offset >= strings.size()) return {};
    const std::string_view rest = strings.substr(offset);
    return rest.substr(0, rest.find('\0'));
  }

 private:
  bool read(void* to, std::size_t bytes, std::uint64_t offset) const noexcept {
    return ::pread(fd_, to, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
  }

  int fd_;
  bool is_elf_ = false;
  std::vector<Elf64_Shdr> headers_;
  std::string names_;
};

// Calls visit for each entry of a section that is a table of T.
template <class T, class Visit>
void each_entry(std::string_view bytes, Visit&& visit) {
  for (; bytes.size() >= sizeof(T); bytes.remove_prefix(sizeof(T))) {
    T entry;
    std::memcpy(&entry, bytes.data(), sizeof entry);
    visit(entry);
  }
}

std::string build_id_of(std::string_view note) {
  constexpr std::size_t kHead = sizeof(Elf64_Nhdr) + 4;  // and "GNU"
  if (note.size() <= kHead) return {};
  std::string hex;
  for (const char byte : note.substr(kHead)) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

}  // namespace

bool ProgramFacts::needs(const std::string& soname_start) const {
  return std::any_of(libraries.begin(), libraries.end(),
                     [&](const std::string& library) { return library.starts_with(soname_start); });
}

bool ProgramFacts::needs_fixed_addresses(int random_bits) const noexcept {
  constexpr int kMostBits = 28;
  return has_sanitizer && random_bits > kMostBits;
}

int randomised_address_bits() {
  std::ifstream file("/proc/sys/vm/mmap_rnd_bits");
  int bits = 0;
  return file >> bits ? bits : 0;
}

std::optional<ProgramFacts> facts_of_program(const std::string& path) {
  const Sections sections(path);
  if (!sections.is_elf()) return std::nullopt;
  ProgramFacts facts;
  facts.has_lines = sections.find(".debug_info") != nullptr || sections.find(".zdebug_info") != nullptr;
  facts.has_symbols = sections.find(".symtab") != nullptr;
  if (const Elf64_Shdr* note = sections.find(".note.gnu.build-id"))
    facts.build_id = build_id_of(sections.text_of(*note));
  if (const Elf64_Shdr* comment = sections.find(".comment"))
    facts.by_clang = sections.text_of(*comment).find("clang version") != std::string::npos;
  if (const Elf64_Shdr* dynamic = sections.find(".dynamic")) {
    const std::string strings = sections.strings_of(*dynamic);
    each_entry<Elf64_Dyn>(sections.text_of(*dynamic), [&](const Elf64_Dyn& entry) {
      if (entry.d_tag == DT_NEEDED) facts.libraries.emplace_back(Sections::string_at(strings, entry.d_un.d_val));
    });
  }
  bool defines_runtime = false;
  if (const Elf64_Shdr* symbols = sections.find(".dynsym")) {
    const std::string strings = sections.strings_of(*symbols);
    each_entry<Elf64_Sym>(sections.text_of(*symbols), [&](const Elf64_Sym& symbol) {
      const std::string_view name = Sections::string_at(strings, symbol.st_name);
      if (!name.starts_with("__tsan_")) return;
      facts.instrumented = true;
      if (symbol.st_shndx != SHN_UNDEF && name == "__tsan_init") defines_runtime = true;  // clang links it in
    });
  }
  facts.has_sanitizer = defines_runtime || facts.needs("libtsan.so") || facts.needs("libclang_rt.tsan");
  return facts;
}

}  // namespace vigil::reports
