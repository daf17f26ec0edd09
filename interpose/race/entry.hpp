// entry(): the body of an entry point of the sanitizer's ABI that is not one of the hot ones (tsan_abi.cpp).
//
// A call is ours, or it belongs to the ThreadSanitizer runtime that is in the process and is passed on by a jump, for
// that runtime looks at its return address. So the files that use this are compiled with optimisation in every preset.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "interpose/race/engine_mode.hpp"
#include "interpose/race/next_entry.hpp"

namespace vigil::shim::race {

template <std::size_t kLength>
struct EntryName {
  consteval EntryName(const char (&name)[kLength]) { std::copy_n(name, kLength, text); }  // NOLINT: implicit, a literal
  char text[kLength]{};
};

template <EntryName kName, class Function>
inline constinit NextEntry<Function> next_of{kName.text};

// ours: what answers when our engine watches, or nobody does; it gets the place of the call first.
template <EntryName kName, class Result, class... Wanted, class... Given>
[[gnu::always_inline]] inline Result entry(Result (*ours)(std::uintptr_t pc, Wanted...) noexcept, Given... given) {
  if (!engine_is_native()) [[unlikely]] {
    if (auto* const real = next_of<kName, Result(Wanted...)>.if_passed_on()) return real(given...);
  }
  return ours(reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)), given...);
}

}  // namespace vigil::shim::race
