// A function of libc as it is without the shim, found when it is first needed.
#pragma once

#include <atomic>

#include "interpose/real_calls.hpp"

namespace vigil::shim {

// relaxed: every thread finds the same.
template <class Function>
class Real {
 public:
  explicit constexpr Real(const char* name) noexcept : name_(name) {}
  template <class... Arguments>
  auto operator()(Arguments... arguments) {
    Function* found = place_.load(std::memory_order_relaxed);
    if (found == nullptr) {
      found = find_real_as<Function>(name_);
      place_.store(found, std::memory_order_relaxed);
    }
    return found(arguments...);
  }

 private:
  const char* name_;
  std::atomic<Function*> place_{nullptr};
};

}  // namespace vigil::shim
