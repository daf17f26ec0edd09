// KnownVariables: the variables that the program tells of itself (Traced<T>), for findings: which, how large, made
// where.
//
// Threads: any. One lock per shard of addresses; nothing else is locked under it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/stack_capture.hpp"

namespace vigil::shim::race {

struct KnownVariable {
  std::uint64_t number = 0;  // from 1, never reused
  std::size_t size = 0;      // bytes
  StackId made_at = kNoStack;
};

// One begins at that address, whatever was there before; and goes.
void variable_made(std::uintptr_t address, std::size_t size, StackId made_at) noexcept;
void variable_gone(std::uintptr_t address) noexcept;
// One lies there, even if nobody saw how it was made.
void know_variable(std::uintptr_t address, std::size_t size) noexcept;
// Whether one is known that begins at that address.
bool find_variable(std::uintptr_t address, KnownVariable& found) noexcept;

}  // namespace vigil::shim::race
