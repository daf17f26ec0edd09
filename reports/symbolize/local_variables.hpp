// Local variables by where they lie: which of a function's variables holds a place in its frame, by its DWARF.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <string>

namespace vigil::reports {

// The two ends from which compilers measure where a frame's variables are.
struct PlaceInFrame {
  std::uint64_t below_frame = 0;  // bytes up to the end of the frame (the canonical frame address)
  std::uint64_t above_stack = 0;  // bytes down to the function's stack pointer
};

// function: a concrete one, whose code holds pc (a DWARF address inside the call that it made last). The name with what
// lies inside the variable: "total", "queue+0x10". "" when none of those whose scope holds pc is there.
std::string local_variable_at(Dwarf_Die function, std::uint64_t pc, const PlaceInFrame& place);

}  // namespace vigil::reports
