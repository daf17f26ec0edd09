// Demangling names that the program chose: bounded in length going in and coming out, and always valid UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace vigil::reports {

// "_ZN5Cache3putEi" as "Cache::put(int)"; a name that is not mangled, or too long to trust the demangler with, as it
// is. Compiler suffixes (.cold, .part.0, .llvm.123) are cut off mangled names.
std::string demangle(std::string_view symbol);

}  // namespace vigil::reports
