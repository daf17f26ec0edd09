// What the usual ways of an access (usual_access.cpp, private_access.hpp) begin with.
#pragma once

#include <cstdint>

#include "interpose/lifecycle.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/shadow_map.hpp"

namespace vigil::shim::race {

// An access within one granule, the one of that cell.
struct OneAccess {
  EngineThread& thread;
  ShadowCell& cell;
  std::uint64_t word;  // AccessWord
  std::uintptr_t address;
  std::uintptr_t pc;
};

// Whether note_untouched() has nothing to do.
[[nodiscard, gnu::always_inline]] inline bool is_noted(std::uintptr_t address) noexcept {
  std::uintptr_t stack_pointer = 0;
  asm("mov %%rsp, %0" : "=r"(stack_pointer));
  return is_touched_chunk(address) && (address >= hot.lowest || address < stack_pointer);
}

// A visit (E2 of engine_thread.hpp) that makes no states, so that the collector cannot become due.
class Visit {
 public:
  explicit Visit(EngineThread& thread) noexcept : thread_(thread) {
    inside_shim = true;
    thread.begin_visit();
  }
  ~Visit() {
    thread_.end_visit();
    inside_shim = false;
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  EngineThread& thread_;
};

}  // namespace vigil::shim::race
