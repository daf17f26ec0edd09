// Panic: what a misuse of a primitive throws, in release builds too, as Go panics.
#pragma once

#include <stdexcept>

#include "vigil/detail/export.hpp"

namespace vigil {

// A task may catch it; one that escapes a task ends the program. what() is Go's text, for example "send on closed
// channel".
class VIGIL_EXPORT Panic : public std::logic_error {
 public:
  explicit Panic(const char* what);
  Panic(const Panic&) noexcept = default;
  Panic& operator=(const Panic&) noexcept = default;
  ~Panic() override;
};

}  // namespace vigil
