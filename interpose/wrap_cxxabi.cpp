// Wrappers of two functions of the C++ runtime: where a task threw what later ends it, and which static variables were
// initialised (variables.hpp).
//
// The program's C++ runtime may come late and privately: a plugin of a C program brings it along. Then the next
// definition after ours is not found, and the library is asked for by its name.
#include <dlfcn.h>

#include <atomic>
#include <typeinfo>

#include "interpose/actor.hpp"
#include "interpose/export.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/once.hpp"
#include "interpose/order.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/throws.hpp"
#include "interpose/variables.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

// The same functions of the shim's own C++ runtime (own_libstdcxx.cmake).
extern "C" [[noreturn]] void vigil_own_cxa_throw(void* exception, void* type, void (*destructor)(void*));
extern "C" void vigil_own_cxa_guard_release(void* guard) noexcept;

namespace {

using Throw = void(void*, void*, void (*)(void*));
using Release = void(void*);

void* find_anywhere(const char* name) noexcept {
  if (void* const next = find_real(name)) return next;
  for (const char* const library : {"libstdc++.so.6", "libc++abi.so.1", "libc++.so.1"}) {
    void* const loaded = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    if (loaded == nullptr) continue;
    void* const found = dlsym(loaded, name);
    dlclose(loaded);  // its user keeps it
    if (found != nullptr) return found;
  }
  return nullptr;
}

constinit std::atomic<Throw*> real_throw{nullptr};
constinit std::atomic<Release*> real_release{nullptr};

}  // namespace

extern "C" [[noreturn]] VIGIL_EXPORT void __cxa_throw(void* exception, void* type, void (*destructor)(void*)) {
  if (inside_shim) vigil_own_cxa_throw(exception, type, destructor);
  once::throws();
  if (runtime() != nullptr) {
    record([&] {
      if (current_actor().type == ActorType::Task) remember_throw(static_cast<const std::type_info*>(type)->name());
    });
  }
  Throw* const real = find_once(&find_anywhere, real_throw, "__cxa_throw");
  if (real != nullptr) real(exception, type, destructor);
  vigil_own_cxa_throw(exception, type, destructor);  // a program whose C++ runtime is hidden: ours speaks the same ABI
}

extern "C" VIGIL_EXPORT void __cxa_guard_release(void* guard) noexcept {
  if (!inside_shim && (order::needs() & order::kWhole) != 0) {
    const auto pc = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    record([pc] { variables::static_initialised(current_actor(), pc); });
  }
  // Instrumented code tests the first byte by itself.
  race::atomics::released_into(reinterpret_cast<std::uintptr_t>(guard), 1);
  Release* const real = inside_shim ? nullptr : find_once(&find_anywhere, real_release, "__cxa_guard_release");
  (real != nullptr ? real : vigil_own_cxa_guard_release)(guard);
}
