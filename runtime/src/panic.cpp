#include "vigil/panic.hpp"

#include "vigil/detail/callable.hpp"

namespace vigil {

Panic::Panic(const char* what) : std::logic_error(what) {}
Panic::~Panic() = default;

void detail::refuse_null_function() { throw Panic("go of nil func value"); }

}  // namespace vigil
