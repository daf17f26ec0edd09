// Wrapper of getenv(), for one question of GLib's: what its allocator of slices is to do. It keeps freed slices, lists'
// nodes and instances of types for whoever asks next, on any thread, and what it does so with is inside a library that
// is not instrumented: who got a slice would race with who had it before. Its own switch for tools that look at memory
// is the variable G_SLICE, "always-malloc" (what GLib does from 2.76 on in any case): an instrumented program in which
// it is not set gets that as the answer. The environment stays as it is.
#include <cstdlib>
#include <string_view>

#include "interpose/export.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/real_function.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

constinit Real<char*(const char*)> real_getenv("getenv");

char always_malloc[] = "always-malloc";  // getenv() gives what may be written to

// GLib asks while it is loaded, before the shim has started: the stubs are there by then, as all libraries are.
bool is_instrumented_program() noexcept { return race::next_entry("__tsan_func_entry") != nullptr; }

}  // namespace

extern "C" VIGIL_EXPORT char* getenv(const char* name) noexcept {
  char* const value = real_getenv(name);
  if (value != nullptr || name != std::string_view("G_SLICE")) return value;
  return is_instrumented_program() ? always_malloc : nullptr;
}
