// What functions like printf read of the program's memory besides their numbers: the text of `%s`.
#pragma once

#include <cstdarg>
#include <cstddef>

namespace vigil::shim {

// One text that is going to be printed, and how many bytes of it are looked at: its zero included, if they get there.
using PrintedString = void (*)(const char* text, std::size_t bytes, void* given);

// Calls visit(text, bytes, it) for each. given: the arguments, of which none is taken. Ends at the first conversion
// that is not known, or that names its argument by number.
void each_printed_string(const char* format, va_list given, PrintedString visit, void* it) noexcept;

}  // namespace vigil::shim
