// Runtime view: the runtime's own account of its tasks, once it has attached.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vigil/probe.h"

namespace vigil::shim {

// Takes the runtime's table if it is one we understand. False: it is not, and stays unused.
bool attach_runtime(const vigil_probe_runtime* table) noexcept;
// Null: there is none.
const vigil_probe_runtime* runtime() noexcept;

// Whether the table of a runtime, which may be older than this shim, reaches that far. For what was added at its end.
template <class Function>
bool has(const vigil_probe_runtime& table, Function vigil_probe_runtime::*member) noexcept {
  const auto* const begin = reinterpret_cast<const char*>(&table);
  const auto* const end = reinterpret_cast<const char*>(&(table.*member)) + sizeof(Function);
  return table.size >= static_cast<std::size_t>(end - begin);
}

// Stops every task switch for its life. Must not be held while anything waits for a task.
class RuntimePause {
 public:
  explicit RuntimePause(std::uint64_t timeout_ns) noexcept;
  ~RuntimePause();
  RuntimePause(const RuntimePause&) = delete;
  RuntimePause& operator=(const RuntimePause&) = delete;
  // False: the runtime runs on, or there is none.
  explicit operator bool() const noexcept { return paused_; }

 private:
  const bool paused_;
};

// Calls visit(const vigil_probe_actor_view&) for each actor alive, until it returns false. Demands a runtime.
template <class Visit>
void for_each_actor(Visit&& visit) noexcept {
  runtime()->each_actor([](const vigil_probe_actor_view* view,
                           void* context) -> int { return (*static_cast<Visit*>(context))(*view) ? 1 : 0; },
                        &visit);
}

}  // namespace vigil::shim
