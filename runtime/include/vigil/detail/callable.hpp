// Callable: a parameter whose copy can be called without arguments.
#pragma once

#include <concepts>
#include <type_traits>

namespace vigil::detail {

template <class Function>
concept Callable = std::invocable < std::decay_t<Function>
& > ;

}  // namespace vigil::detail
