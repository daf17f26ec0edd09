// Caches inside objects of the standard library that its headers fill without order, from code that is compiled with
// the program: every thread that fills one writes the same, and whoever finds it empty asks again. That is a race by
// the letter, and none of the program's.
//
// One is known: std::ctype<char> remembers what narrow() and widen() said (every std::regex asks). Its object is told
// by its virtual table, wherever a locale keeps it.
#pragma once

#include <cstdint>

namespace vigil::shim::race {

// Looks for the library. Once, while no thread of the program holds the loader's lock and waits for another.
void find_library_caches() noexcept;
// Whether that byte lies in such a cache.
bool is_library_cache(std::uintptr_t address) noexcept;

}  // namespace vigil::shim::race
