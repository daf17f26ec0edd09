#include "vigil/panic.hpp"

namespace vigil {

Panic::Panic(const char* what) : std::logic_error(what) {}
Panic::~Panic() = default;

}  // namespace vigil
