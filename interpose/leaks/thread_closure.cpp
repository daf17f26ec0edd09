#include "interpose/leaks/thread_closure.hpp"

#include <dlfcn.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>

#include "interpose/real_calls.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/stacks/modules.hpp"

namespace vigil::shim::leaks {
namespace {

// Where std::thread's blocks come from: the operator new of the library that also runs them, which takes them from
// malloc(). Module 0: it is the program's own, or the library is linked into the program, and nothing is known.
struct Allocator {
  std::uint32_t library = 0;
  std::size_t (*usable_size)(void*) = nullptr;
};

Allocator find_allocator() noexcept {
  Allocator found;
  const std::uint32_t library = module_at(reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, "_Znwm")));
  const bool has_threads =
      library != 0 &&
      library == module_at(reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, "_ZNSt6thread4joinEv")));
  // A program with a malloc of its own never comes by ours, behind which the real one lies.
  const bool is_ours = dlsym(RTLD_DEFAULT, "malloc") == reinterpret_cast<void*>(&std::malloc);
  found.usable_size = find_real_as<std::size_t(void*)>("malloc_usable_size");
  if (has_threads && is_ours && found.usable_size != nullptr && !module_info(library).is_program) {
    found.library = library;
  }
  return found;
}

// 0: not asked yet. relaxed, with the function before: every thread finds the same.
constinit std::atomic<std::uint32_t> known_library{0};
constinit std::atomic<std::size_t (*)(void*)> known_size{nullptr};
constexpr std::uint32_t kNone = ~std::uint32_t{0};

}  // namespace

std::size_t closure_bytes(void* (*function)(void*), void* argument) noexcept {
  // More is no closure: of old programs it would be a word of libstdc++'s own in front of a block that is shared.
  constexpr std::size_t kMost = 1U << 20U;
  std::uint32_t library = known_library.load(std::memory_order_acquire);
  if (library == 0) {
    const Allocator found = find_allocator();
    known_size.store(found.usable_size, std::memory_order_relaxed);
    library = found.library == 0 ? kNone : found.library;
    known_library.store(library, std::memory_order_release);
  }
  if (library == kNone || argument == nullptr || module_at(reinterpret_cast<std::uintptr_t>(function)) != library) {
    return 0;
  }
  const std::size_t bytes = known_size.load(std::memory_order_relaxed)(argument);
  return bytes <= kMost ? bytes : 0;
}

}  // namespace vigil::shim::leaks
