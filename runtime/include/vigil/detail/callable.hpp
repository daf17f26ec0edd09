// Callable: a parameter whose copy can be called without arguments. demand_function(): that there is one.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>

#include "vigil/detail/export.hpp"

namespace vigil::detail {

template <class Function>
concept Callable = std::invocable < std::decay_t<Function>
& > ;

template <class Function>
inline constexpr bool kMayBeNull = std::is_pointer_v<Function> || std::is_member_pointer_v<Function>;
template <class Signature>
inline constexpr bool kMayBeNull<std::function<Signature>> = true;

// Throws Panic("go of nil func value").
[[noreturn]] VIGIL_EXPORT void refuse_null_function();

// A null pointer, or an empty std::function, is refused where it is given: where it would be called nobody knows whose
// it was.
template <class Function>
void demand_function(const Function& function) {
  if constexpr (kMayBeNull<std::decay_t<const Function&>>) {
    const std::decay_t<const Function&>& given = function;
    if (given == nullptr) refuse_null_function();
  }
}

}  // namespace vigil::detail
