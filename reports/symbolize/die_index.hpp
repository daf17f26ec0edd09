// DieIndex: which functions, inlined ones included, hold an address, from one module's DWARF.
//
// Asking libdw for the scopes of each address walks a compile unit's whole tree every time: 3 s for 500 addresses.
// Here a unit is walked once, when the first address falls into it, into intervals; an address is then a binary search
// and a short walk down. Addresses are the DWARF's own.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "reports/symbolize/local_variables.hpp"

namespace vigil::reports {

struct CodePlace {
  std::string function;  // demangled
  std::string file;
  std::uint32_t line = 0;
  // Line of the function's declaration, 0 when unknown. For a lambda, or a member of a local class: of the outermost
  // function around it, since many of them begin in the line they are called from.
  std::uint32_t declared_at = 0;
  bool inlined = false;
};

class DieIndex {
 public:
  explicit DieIndex(Dwarf* dwarf);
  ~DieIndex();
  DieIndex(const DieIndex&) = delete;
  DieIndex& operator=(const DieIndex&) = delete;

  // Innermost first, the last one not inlined. Empty when no unit holds the address; a place without function when a
  // unit does but no function (then it has a line only).
  std::vector<CodePlace> places_of(std::uint64_t address);

  // The local variable at that place in the frame of the function that holds the address; "" when nothing is known.
  std::string local_name(std::uint64_t address, const PlaceInFrame& place);

 private:
  struct Interval {
    std::uint64_t low;
    std::uint64_t high;   // one past the end
    std::uint32_t index;  // of a unit, or of a scope
  };
  struct Scope {
    Dwarf_Die die;
    bool inlined;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    std::vector<std::uint32_t> children;  // inlined calls directly inside
  };
  // A function's name without its enclosing function's, which is found only when it is asked for.
  struct LocalName {
    bool in_function;
    Dwarf_Die function;
    std::string rest;  // "(anonymous namespace)::transfer", "{lambda}::operator()"
  };
  struct Unit {
    Dwarf_Die die;
    bool walked = false;
    std::vector<Scope> scopes;
    std::vector<Interval> functions;                 // sorted by low
    std::unordered_map<Dwarf_Off, LocalName> names;  // of functions without a linkage name
    // Of functions inside functions, what CodePlace::declared_at is.
    std::unordered_map<Dwarf_Off, std::uint32_t> outermost_lines;
  };

  Unit* unit_of(std::uint64_t address);
  void walk(Unit& unit);
  // Where a walk is: the innermost function with code, and the names since the innermost function of any sort.
  struct Position {
    std::int64_t scope = -1;  // index into scopes, -1 for none
    const Dwarf_Die* function = nullptr;
    std::uint32_t outermost_line = 0;  // of the declaration of the outermost function, 0 outside of functions
    std::vector<std::string> path;
    int depth = 0;
  };
  void walk_children(Unit& unit, Dwarf_Die& parent, Position& position);
  void add_code(Unit& unit, Dwarf_Die& die, int tag, Position& inside);
  std::string function_name(Unit& unit, Dwarf_Die& die);
  const std::string& demangled(const char* linkage_name);
  void set_line(Unit& unit, std::uint64_t address, CodePlace& place);
  void set_call_site(Unit& unit, Dwarf_Die& inlined_call, CodePlace& place);
  static std::uint32_t declared_at(const Unit& unit, const Dwarf_Die& function);
  static std::string source_path(Unit& unit, const char* file);

  std::vector<Unit> units_;
  std::vector<Interval> unit_ranges_;  // sorted by low
  std::unordered_map<std::string, std::string> demangled_;
};

}  // namespace vigil::reports
