// Which race engine watches this process. Decided once, at start-up (engine_mode.cpp is the only place that decides):
//   None    nobody calls instrumentation: a plain program. Its Traced<T> variables are watched all the same, from the
//           first of them on: then the engine's shadow is there, and only they enter it
//   Native  the program was instrumented and linked with libvigil_instrument.so: ours
//   Tsan    the ThreadSanitizer runtime is in the process: our entry points of its ABI pass every call on to it
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace vigil::shim::race {

enum class EngineMode : std::uint8_t { Undecided, None, Native, Tsan };

extern constinit std::atomic<EngineMode> current_engine;  // written by engine_mode.cpp only

// relaxed: the mode is decided before the second thread exists, and never changes but from None to Native.
inline EngineMode engine_mode() noexcept { return current_engine.load(std::memory_order_relaxed); }
inline bool engine_is_native() noexcept { return engine_mode() == EngineMode::Native; }

// Whether accesses to a Traced<T> enter the engine's shadow.
extern constinit std::atomic<bool> variables_are_watched;  // written by engine_mode.cpp only
// acquire: pairs with the release that set it; the shadow is there.
inline bool engine_watches_variables() noexcept { return variables_are_watched.load(std::memory_order_acquire); }

// Looks who defines the instrumentation's names, maps the shadow and starts the clocks when it is us. Called while the
// shim starts, and by the first entry point that is called before.
void decide_engine() noexcept;
std::string_view name_of(EngineMode mode) noexcept;  // as the report says it: none, native, tsan

// The next definition of an instrumentation entry point after the shim's own, for EngineMode::Tsan; null: there is
// none.
void* next_entry(const char* name) noexcept;

}  // namespace vigil::shim::race
