#include "interpose/stacks/elf_image.hpp"

#include <elf.h>

#include <cstring>

#include "interpose/stacks/safe_read.hpp"

namespace vigil::shim {
namespace {

constexpr std::size_t align4(std::size_t n) noexcept { return (n + 3) & ~std::size_t{3}; }

std::span<const std::uint8_t> build_id_in(const std::uint8_t* at, std::size_t bytes) noexcept {
  while (bytes >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note{};
    std::memcpy(&note, at, sizeof(note));
    const std::size_t name_bytes = align4(note.n_namesz);
    const std::size_t whole = sizeof(note) + name_bytes + align4(note.n_descsz);
    if (whole > bytes) return {};
    const std::uint8_t* const name = at + sizeof(note);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
      return {name + name_bytes, note.n_descsz};
    }
    at += whole;
    bytes -= whole;
  }
  return {};
}

// Calls visit(const Elf64_Phdr&) for each segment that the header at `header` names, until it returns false. False:
// there is no header.
template <class Visit>
bool each_segment(std::uintptr_t header, Visit&& visit) noexcept {
  if (header == 0 || !unwind::is_readable(header & ~std::uintptr_t{7})) return false;
  Elf64_Ehdr elf{};
  std::memcpy(&elf, reinterpret_cast<const void*>(header), sizeof(elf));
  if (std::memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_phentsize != sizeof(Elf64_Phdr)) return false;
  for (std::size_t i = 0; i < elf.e_phnum; ++i) {
    Elf64_Phdr segment{};
    std::memcpy(&segment, reinterpret_cast<const void*>(header + elf.e_phoff + i * sizeof(segment)), sizeof(segment));
    if (!visit(segment)) break;
  }
  return true;
}

}  // namespace

std::span<const std::uint8_t> build_id_of(std::uintptr_t header, std::uintptr_t bias) noexcept {
  std::span<const std::uint8_t> found;
  each_segment(header, [&](const Elf64_Phdr& segment) {
    if (segment.p_type != PT_NOTE) return true;
    const std::uintptr_t notes = bias + segment.p_vaddr;
    if (!unwind::is_readable(notes & ~std::uintptr_t{7})) return true;
    found = build_id_in(reinterpret_cast<const std::uint8_t*>(notes), segment.p_memsz);
    return found.empty();
  });
  return found;
}

bool each_code_segment(std::uintptr_t header, std::uintptr_t bias, bool (*visit)(std::span<const std::uint8_t>, void*),
                       void* context) noexcept {
  return each_segment(header, [&](const Elf64_Phdr& segment) {
    constexpr Elf64_Word kCode = PF_R | PF_X;
    if (segment.p_type != PT_LOAD || (segment.p_flags & kCode) != kCode) return true;
    const std::uintptr_t begin = bias + segment.p_vaddr;
    if (!unwind::is_readable(begin & ~std::uintptr_t{7})) return true;
    return visit({reinterpret_cast<const std::uint8_t*>(begin), segment.p_filesz}, context);
  });
}

}  // namespace vigil::shim
