// NextEntry: a name of the sanitizer's ABI that the shim exports, and the definition behind it that calls are passed on
// to when the ThreadSanitizer runtime is in the process.
#pragma once

#include <atomic>

#include "interpose/race/engine_mode.hpp"
#include "interpose/race/engine_start.hpp"

namespace vigil::shim::race {

// Decides the mode if nobody has, and starts our engine when instrumented code turns up in a program that looked plain.
// Whether calls go to the sanitizer.
bool calls_are_passed_on() noexcept;

template <class Function>
class NextEntry {
 public:
  constexpr explicit NextEntry(const char* name) noexcept : name_(name) {}
  NextEntry(const NextEntry&) = delete;
  NextEntry& operator=(const NextEntry&) = delete;

  // Null: the call is ours. Jump to what this returns; do not call it (the runtime looks at its return address).
  [[nodiscard]] Function* if_passed_on() noexcept {
    // relaxed: the function was there before us.
    if (Function* const known = known_.load(std::memory_order_relaxed)) return known;
    if (!calls_are_passed_on()) return nullptr;
    auto* const found = reinterpret_cast<Function*>(next_entry(name_));
    known_.store(found, std::memory_order_relaxed);
    return found;
  }

 private:
  const char* const name_;
  std::atomic<Function*> known_{nullptr};
};

}  // namespace vigil::shim::race
