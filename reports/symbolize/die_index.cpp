#include "reports/symbolize/die_index.hpp"

#include <dwarf.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "reports/model/utf8.hpp"
#include "reports/symbolize/demangle.hpp"

namespace vigil::reports {
namespace {

constexpr int kDeepestTree = 256;  // of nested DIEs; hostile files could nest without end
constexpr std::size_t kMostUnits = 1U << 20U;
constexpr std::size_t kMostRanges = 1U << 16U;  // of one DIE

std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges_of(Dwarf_Die& die) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  std::ptrdiff_t at = 0;
  while (ranges.size() < kMostRanges && (at = dwarf_ranges(&die, at, &base, &low, &high)) > 0) {
    if (low < high) ranges.emplace_back(low, high);
  }
  return ranges;
}

bool holds(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges, std::uint64_t address) noexcept {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return range.first <= address && address < range.second; });
}

// The interval that holds address, innermost first when they overlap; null when none does.
template <class Interval>
const Interval* find_interval(const std::vector<Interval>& sorted, std::uint64_t address) noexcept {
  auto at = std::upper_bound(sorted.begin(), sorted.end(), address,
                             [](std::uint64_t value, const Interval& i) { return value < i.low; });
  // Functions and units do not overlap in sound files; looking a few back makes up for those that do.
  for (int back = 0; back < 8 && at != sorted.begin(); ++back) {
    --at;
    if (address < at->high) return &*at;
  }
  return nullptr;
}

// The definition or declaration that a concrete or inlined instance stands for.
Dwarf_Die origin_of(Dwarf_Die die) {
  for (int hops = 0; hops < 16; ++hops) {
    Dwarf_Attribute attribute;
    Dwarf_Die next;
    if (dwarf_attr(&die, DW_AT_abstract_origin, &attribute) == nullptr &&
        dwarf_attr(&die, DW_AT_specification, &attribute) == nullptr)
      break;
    if (dwarf_formref_die(&attribute, &next) == nullptr) break;
    die = next;
  }
  return die;
}

// Closure types have no name, or one like "<lambda(int)>" where the demangler says "{lambda(int)#1}".
std::string scope_name(Dwarf_Die& die) {
  const char* name = dwarf_diename(&die);
  if (name == nullptr) return dwarf_tag(&die) == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed}";
  std::string text = to_valid_utf8(name);
  if (text.starts_with("<lambda")) {
    text.front() = '{';
    text.back() = '}';
  }
  return text;
}

std::uint32_t small(int value) noexcept { return value > 0 ? static_cast<std::uint32_t>(value) : 0; }

}  // namespace

DieIndex::DieIndex(Dwarf* dwarf) {
  Dwarf_CU* cu = nullptr;
  while (units_.size() < kMostUnits) {
    Dwarf_Die unit_die;
    std::uint8_t unit_type = 0;
    if (dwarf_get_units(dwarf, cu, &cu, nullptr, &unit_type, &unit_die, nullptr) != 0) break;
    if (unit_type != DW_UT_compile && unit_type != DW_UT_skeleton) continue;
    if (unit_type == DW_UT_skeleton) {
      Dwarf_Die split;
      if (dwarf_cu_info(cu, nullptr, nullptr, nullptr, &split, nullptr, nullptr, nullptr) == 0 &&
          dwarf_tag(&split) != DW_TAG_invalid) {
        // Names live in the split file when it can be found; ranges stay in the skeleton.
        const auto index = static_cast<std::uint32_t>(units_.size());
        for (const auto& [low, high] : ranges_of(unit_die)) unit_ranges_.push_back({low, high, index});
        units_.emplace_back().die = split;
        continue;
      }
    }
    const auto index = static_cast<std::uint32_t>(units_.size());
    for (const auto& [low, high] : ranges_of(unit_die)) unit_ranges_.push_back({low, high, index});
    units_.emplace_back().die = unit_die;
  }
  std::sort(unit_ranges_.begin(), unit_ranges_.end(),
            [](const Interval& a, const Interval& b) { return a.low < b.low; });
}

DieIndex::~DieIndex() = default;

DieIndex::Unit* DieIndex::unit_of(std::uint64_t address) {
  const Interval* interval = find_interval(unit_ranges_, address);
  if (interval == nullptr) return nullptr;
  Unit& unit = units_[interval->index];
  if (!unit.walked) walk(unit);
  return &unit;
}

void DieIndex::walk(Unit& unit) {
  unit.walked = true;
  Position top;
  walk_children(unit, unit.die, top);
  std::sort(unit.functions.begin(), unit.functions.end(),
            [](const Interval& a, const Interval& b) { return a.low < b.low; });
}

// Notes the code of a function or of an inlined call, and moves inside it.
void DieIndex::add_code(Unit& unit, Dwarf_Die& die, int tag, Position& inside) {
  auto ranges = ranges_of(die);
  if (ranges.empty()) {
    if (tag == DW_TAG_subprogram) inside.scope = -1;  // abstract or declared only: what is inside has no code here
    return;
  }
  const auto index = static_cast<std::uint32_t>(unit.scopes.size());
  const bool inlined = tag == DW_TAG_inlined_subroutine;
  if (inlined && inside.scope >= 0) unit.scopes[static_cast<std::size_t>(inside.scope)].children.push_back(index);
  if (!inlined) {
    for (const auto& [low, high] : ranges) unit.functions.push_back({low, high, index});
  }
  unit.scopes.push_back({die, inlined, std::move(ranges), {}});
  inside.scope = index;
}

void DieIndex::walk_children(Unit& unit, Dwarf_Die& parent, Position& position) {
  Dwarf_Die child;
  if (position.depth > kDeepestTree || dwarf_child(&parent, &child) != 0) return;
  do {
    const int tag = dwarf_tag(&child);
    const bool is_function = tag == DW_TAG_subprogram;
    const bool is_scope =
        tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
    const bool is_block = tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
    if (!is_function && !is_scope && !is_block && tag != DW_TAG_inlined_subroutine) continue;
    if (is_function && (!position.path.empty() || position.function != nullptr) &&
        dwarf_hasattr(&child, DW_AT_name) != 0 && dwarf_hasattr(&child, DW_AT_linkage_name) == 0) {
      LocalName local{position.function != nullptr, {}, {}};
      if (position.function != nullptr) local.function = *position.function;
      const std::string own = scope_name(child);
      for (const std::string& part : position.path) {
        local.rest += part == "{unnamed}" && own == "operator()" ? "{lambda}" : part;
        local.rest += "::";
      }
      local.rest += own;
      unit.names.emplace(dwarf_dieoffset(&child), std::move(local));
    }
    if (is_function && position.function != nullptr) {
      unit.outermost_lines.emplace(dwarf_dieoffset(&child), position.outermost_line);
    }
    if (dwarf_haschildren(&child) == 0 && is_scope) continue;
    Position inside;
    inside.scope = position.scope;
    inside.depth = position.depth + 1;
    if (is_function || tag == DW_TAG_inlined_subroutine) add_code(unit, child, tag, inside);
    if (dwarf_haschildren(&child) == 0) continue;
    const Dwarf_Die enclosing = child;  // stays while its children are walked
    inside.function = is_function ? &enclosing : position.function;
    inside.outermost_line = is_function ? declared_at(unit, enclosing) : position.outermost_line;
    if (!is_function) inside.path = position.path;
    if (is_scope) inside.path.push_back(scope_name(child));
    walk_children(unit, child, inside);
  } while (dwarf_siblingof(&child, &child) == 0);
}

const std::string& DieIndex::demangled(const char* linkage_name) {
  const auto [at, fresh] = demangled_.try_emplace(linkage_name);
  if (fresh) at->second = demangle(linkage_name);
  return at->second;
}

std::string DieIndex::function_name(Unit& unit, Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  for (const unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (dwarf_attr_integrate(&die, name, &attribute) != nullptr) {
      const char* linkage = dwarf_formstring(&attribute);
      if (linkage != nullptr) return demangled(linkage);
    }
  }
  Dwarf_Die origin = origin_of(die);
  const auto known = unit.names.find(dwarf_dieoffset(&origin));
  if (known != unit.names.end()) {
    LocalName& local = known->second;
    // A function inside a function inside ... : each step goes outwards in the tree, so it ends.
    return local.in_function ? function_name(unit, local.function) + "::" + local.rest : local.rest;
  }
  const char* plain = dwarf_diename(&origin);
  return plain == nullptr ? std::string() : to_valid_utf8(plain);
}

std::uint32_t DieIndex::declared_at(const Unit& unit, const Dwarf_Die& function) {
  Dwarf_Die origin = origin_of(function);
  const auto outermost = unit.outermost_lines.find(dwarf_dieoffset(&origin));
  if (outermost != unit.outermost_lines.end()) return outermost->second;
  int line = 0;
  return dwarf_decl_line(&origin, &line) == 0 ? small(line) : 0;
}

std::string DieIndex::source_path(Unit& unit, const char* file) {
  if (file == nullptr) return {};
  std::filesystem::path path(to_valid_utf8(file));
  if (path.is_relative()) {
    Dwarf_Attribute attribute;
    if (dwarf_attr(&unit.die, DW_AT_comp_dir, &attribute) != nullptr) {
      const char* folder = dwarf_formstring(&attribute);
      if (folder != nullptr) path = std::filesystem::path(to_valid_utf8(folder)) / path;
    }
  }
  return path.lexically_normal().string();
}

void DieIndex::set_line(Unit& unit, std::uint64_t address, CodePlace& place) {
  Dwarf_Line* line = dwarf_getsrc_die(&unit.die, address);
  if (line == nullptr) return;
  int number = 0;
  if (dwarf_lineno(line, &number) == 0) place.line = small(number);
  place.file = source_path(unit, dwarf_linesrc(line, nullptr, nullptr));
}

void DieIndex::set_call_site(Unit& unit, Dwarf_Die& inlined_call, CodePlace& place) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_attr(&inlined_call, DW_AT_call_line, &attribute) != nullptr && dwarf_formudata(&attribute, &value) == 0 &&
      value <= std::numeric_limits<std::uint32_t>::max()) {
    place.line = static_cast<std::uint32_t>(value);
  }
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  if (dwarf_attr(&inlined_call, DW_AT_call_file, &attribute) != nullptr && dwarf_formudata(&attribute, &value) == 0 &&
      dwarf_getsrcfiles(&unit.die, &files, &count) == 0 && value < count) {
    place.file = source_path(unit, dwarf_filesrc(files, value, nullptr, nullptr));
  }
}

std::vector<CodePlace> DieIndex::places_of(std::uint64_t address) {
  std::vector<CodePlace> places;
  Unit* unit = unit_of(address);
  if (unit == nullptr) return places;
  CodePlace innermost;
  set_line(*unit, address, innermost);
  const Interval* function = find_interval(unit->functions, address);
  if (function == nullptr) {
    if (innermost.line != 0) places.push_back(std::move(innermost));
    return places;
  }
  std::vector<std::uint32_t> chain{function->index};  // outermost first
  for (bool deeper = true; deeper;) {
    deeper = false;
    for (const std::uint32_t child : unit->scopes[chain.back()].children) {
      if (!holds(unit->scopes[child].ranges, address)) continue;
      chain.push_back(child);
      deeper = true;
      break;
    }
  }
  for (std::size_t i = chain.size(); i-- > 0;) {
    Scope& scope = unit->scopes[chain[i]];
    CodePlace place;
    if (i + 1 == chain.size()) {
      place = innermost;
    } else {
      set_call_site(*unit, unit->scopes[chain[i + 1]].die, place);
    }
    place.function = function_name(*unit, scope.die);
    place.inlined = scope.inlined;
    place.declared_at = declared_at(*unit, scope.die);
    places.push_back(std::move(place));
  }
  return places;
}

std::string DieIndex::local_name(std::uint64_t address, const PlaceInFrame& place) {
  Unit* const unit = unit_of(address);
  const Interval* const function = unit == nullptr ? nullptr : find_interval(unit->functions, address);
  return function == nullptr ? std::string() : local_variable_at(unit->scopes[function->index].die, address, place);
}

}  // namespace vigil::reports
