// One saved context on one stack, by Boost.Context's raw switch: no allocation, 4 ns, and the saved registers lie where
// a watcher can read them.
#pragma once

#include <cstddef>

#include <boost/context/detail/fcontext.hpp>

#include "vigil/probe.h"

namespace vigil::detail {

using SavedContext = boost::context::detail::fcontext_t;
using Arrival = boost::context::detail::transfer_t;  // fctx: the context that was left; data: what it handed over

inline SavedContext make_context(void* stack_top, std::size_t bytes, void (*entry)(Arrival)) noexcept {
  return boost::context::detail::make_fcontext(stack_top, bytes, entry);
}
inline Arrival jump_to(SavedContext to, void* data) noexcept { return boost::context::detail::jump_fcontext(to, data); }

// The registers with which a saved context goes on: the state after its jump_to() has returned.
vigil_probe_registers registers_of(SavedContext context) noexcept;

// What the C++ runtime keeps per thread about exceptions in flight; it must follow the task, which may park inside a
// catch block and go on elsewhere. The layout is the Itanium C++ ABI's, section 2.2.2.
struct ExceptionState {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};
ExceptionState* exception_state_of_this_thread() noexcept;

}  // namespace vigil::detail
