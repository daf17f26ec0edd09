// The modules that were compiled with instrumentation, and what is put in the way of their calls.
//
// Some functions matter only when instrumented code calls them: copies and string functions, which g++ leaves to libc,
// operator new and delete, and what libstdc++ keeps of its templates to itself. Wrapping them for the whole process
// would cost every library in it, and change what others see. So only the instrumented modules' own tables of imported
// functions are changed, once, when a module says that it is there (__tsan_init); nobody else's calls take a detour.
#pragma once

#include <cstdint>
#include <span>

namespace vigil::shim {

// A function of another library, and what instrumented code gets in its place.
struct Replacement {
  const char* name;
  void* ours;
  void** real;              // where the function itself is kept; a name that nobody defines stays as it is
  bool only_libcs = false;  // so does one that leads to another's than libc's, or the shim's in its place
};
std::span<const Replacement> memory_replacements() noexcept;      // memory_functions.cpp
std::span<const Replacement> allocation_replacements() noexcept;  // allocation_functions.cpp
std::span<const Replacement> cxxabi_replacements() noexcept;      // cxxabi_functions.cpp
std::span<const Replacement> openmp_replacements() noexcept;      // openmp_functions.cpp
std::span<const Replacement> container_replacements() noexcept;   // container_functions.cpp
std::span<const Replacement> future_replacements() noexcept;      // future_functions.cpp
std::span<const Replacement> message_replacements() noexcept;     // message_functions.cpp
std::span<const Replacement> text_replacements() noexcept;        // text_functions.cpp
std::span<const Replacement> buffer_replacements() noexcept;      // buffer_functions.cpp
std::span<const Replacement> tbb_replacements() noexcept;         // tbb_functions.cpp
// Follows what the library throws; again whenever modules were looked at.
void follow_tbb() noexcept;
// Puts what glib_functions.cpp does in the way of every loaded module's calls of GLib, where that is there; again
// whenever modules were looked at.
void follow_glib() noexcept;
// The same of Qt: qt_functions.cpp.
void follow_qt() noexcept;

// An instrumented module says that it was loaded. Looks at all that are loaded now, and from the first on at the heap.
void instrumented_code_arrived() noexcept;
// Whether that code was compiled with instrumentation.
bool is_instrumented(std::uintptr_t pc) noexcept;

}  // namespace vigil::shim
