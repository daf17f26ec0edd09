#include "reports/symbolize/local_variables.hpp"

#include <dwarf.h>
#include <fmt/core.h>

#include <cstddef>
#include <optional>

#include "reports/model/utf8.hpp"

namespace vigil::reports {
namespace {

constexpr int kDeepestTree = 64;  // of nested scopes

bool is_register(const Dwarf_Op& operation, unsigned number) noexcept {
  return (operation.atom == DW_OP_breg0 + number && operation.number == 0) || operation.atom == DW_OP_reg0 + number;
}

// Where the place is, measured as the function's variables are: from its frame base. Nothing when that is somewhere
// else than compilers put it.
std::optional<std::int64_t> from_frame_base(Dwarf_Die& function, std::uint64_t pc, const PlaceInFrame& place) {
  constexpr unsigned kFramePointer = 6;  // rbp and rsp, as DWARF numbers them
  constexpr unsigned kStackPointer = 7;
  constexpr std::int64_t kSavedByCall = 16;  // the return address and the caller's rbp, to which rbp points
  Dwarf_Attribute attribute;
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (dwarf_attr_integrate(&function, DW_AT_frame_base, &attribute) == nullptr ||
      dwarf_getlocation_addr(&attribute, pc, &operations, &count, 1) != 1 || count != 1)
    return std::nullopt;
  const auto below = static_cast<std::int64_t>(place.below_frame);
  if (operations[0].atom == DW_OP_call_frame_cfa) return -below;
  if (is_register(operations[0], kFramePointer)) return kSavedByCall - below;
  if (is_register(operations[0], kStackPointer)) return static_cast<std::int64_t>(place.above_stack);
  return std::nullopt;
}

// Bytes of the variable's type; 0: unknown.
std::uint64_t size_of(Dwarf_Die& variable) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  Dwarf_Word size = 0;
  if (dwarf_attr_integrate(&variable, DW_AT_type, &attribute) == nullptr ||
      dwarf_formref_die(&attribute, &type) == nullptr || dwarf_aggregate_size(&type, &size) != 0)
    return 0;
  return size;
}

// The offset of the variable from the frame base, where it lies in the frame at all.
std::optional<std::int64_t> offset_of(Dwarf_Die& variable, std::uint64_t pc) {
  Dwarf_Attribute attribute;
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (dwarf_attr(&variable, DW_AT_location, &attribute) == nullptr ||
      dwarf_getlocation_addr(&attribute, pc, &operations, &count, 1) != 1 || count != 1 ||
      operations[0].atom != DW_OP_fbreg)
    return std::nullopt;
  return static_cast<std::int64_t>(operations[0].number);
}

class Search {
 public:
  Search(std::uint64_t pc, std::int64_t wanted) : pc_(pc), wanted_(wanted) {}

  // Inner scopes come after what is around them, and take its place.
  void look_into(Dwarf_Die& scope, int depth) {
    Dwarf_Die child;
    if (depth > kDeepestTree || dwarf_child(&scope, &child) != 0) return;
    do {
      const int tag = dwarf_tag(&child);
      if (tag == DW_TAG_variable || tag == DW_TAG_formal_parameter) try_variable(child);
      const bool is_scope = tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
                            tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
      if (is_scope && dwarf_haspc(&child, pc_) == 1) look_into(child, depth + 1);
    } while (dwarf_siblingof(&child, &child) == 0);
  }
  [[nodiscard]] const std::string& found() const noexcept { return found_; }

 private:
  void try_variable(Dwarf_Die& variable) {
    const auto offset = offset_of(variable, pc_);
    if (!offset || *offset > wanted_) return;
    const auto inside = static_cast<std::uint64_t>(wanted_ - *offset);
    if (inside >= size_of(variable)) return;
    Dwarf_Attribute attribute;
    const char* const name =
        dwarf_attr_integrate(&variable, DW_AT_name, &attribute) == nullptr ? nullptr : dwarf_formstring(&attribute);
    if (name == nullptr || *name == '\0') return;
    found_ = to_valid_utf8(name);
    if (inside != 0) found_ += fmt::format("+{:#x}", inside);
  }

  std::uint64_t pc_;
  std::int64_t wanted_;
  std::string found_;
};

}  // namespace

std::string local_variable_at(Dwarf_Die function, std::uint64_t pc, const PlaceInFrame& place) {
  const auto wanted = from_frame_base(function, pc, place);
  if (!wanted) return {};
  Search search(pc, *wanted);
  search.look_into(function, 0);
  return search.found();
}

}  // namespace vigil::reports
