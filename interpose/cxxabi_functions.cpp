// What instrumented code gets in place of functions of the C++ runtime that order its threads (instrumented_code.hpp).
//
// Static variables: whoever waited for another's initialiser acquires what that one released (wrap_cxxabi.cpp).
//
// Their destructors, and what else exit() calls: libc keeps the list under a lock of its own, so whoever calls goes on
// after who made the entry.
//
// Exceptions: an exception object is counted: by the catch blocks it is in and by each std::exception_ptr to it.
// Whoever lets go of it last destroys it, maybe on another thread than those that read it before; the counts lie in the
// C++ runtime, which is not instrumented. So whoever lets go releases into the object first, and its destructor, which
// the program gave at the throw, is called through one that acquires.
#include <dlfcn.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <typeinfo>

#include "interpose/futex_lock.hpp"
#include "interpose/instrumented_code.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim {
namespace {

using Destructor = void (*)(void*);

// The program's destructors of the exceptions that are alive.
struct Alive {
  FutexLock lock;
  OwnMap<std::uintptr_t, Destructor>* of = nullptr;  // by object; made by the first throw
};
constinit Alive alive;

std::uintptr_t address_of(const void* at) noexcept { return reinterpret_cast<std::uintptr_t>(at); }

void let_go(const void* object) noexcept {
  if (object != nullptr && sync_events::watching()) sync_events::released(object);
}

void destroy(void* object) {
  if (sync_events::watching()) {
    sync_events::acquired(object);
    sync_events::destroyed(object);
  }
  Destructor destructor = nullptr;
  record([&] {
    const std::lock_guard held(alive.lock);
    const auto found = alive.of->find(address_of(object));
    if (found == alive.of->end()) return;
    destructor = found->second;
    alive.of->erase(found);
  });
  if (destructor != nullptr) destructor(object);
}

// The destructor to give in place of that one.
Destructor instead_of(void* object, Destructor destructor) noexcept {
  bool known = false;
  if (destructor != nullptr) {
    record([&] {
      const std::lock_guard held(alive.lock);
      if (alive.of == nullptr) alive.of = own_new<OwnMap<std::uintptr_t, Destructor>>();
      (*alive.of)[address_of(object)] = destructor;
      known = true;
    });
  }
  return known ? destroy : destructor;
}

// The Itanium C++ ABI's, as g++ and clang lay it out: what lies before an exception object.
struct Header {
  std::type_info* type;
  Destructor destructor;
  void (*unexpected)();
  void (*terminate)();
  Header* next;
  int handler_count;
  int handler_switch_value;
  const unsigned char* action_record;
  const unsigned char* language_data;
  std::uintptr_t landing_pad;
  void* adjusted;
  struct alignas(16) {
    std::uint64_t exception_class;
    void (*cleanup)();
    std::uint64_t private_1;
    std::uint64_t private_2;
  } unwind;
};
struct Globals {
  Header* caught;
  unsigned uncaught;
};
// In an exception that std::rethrow_exception() made, the object that it stands for is where the type was.
constexpr std::uint64_t kOwnClass = 0x474e5543432b2b00;  // "GNUCC++" and 0, or 1 for those

const void* caught_object(const Globals& globals) noexcept {
  const Header* const header = globals.caught;
  if (header == nullptr || (header->unwind.exception_class & ~std::uint64_t{1}) != kOwnClass) return nullptr;
  const bool stands_for_another = (header->unwind.exception_class & 1U) != 0;
  return stands_for_another ? static_cast<const void*>(header->type) : header + 1;
}

const Globals* globals() noexcept {
  // relaxed: every thread finds the same.
  static constinit std::atomic<Globals* (*)()> known{nullptr};
  Globals* (*found)() = known.load(std::memory_order_relaxed);
  if (found == nullptr) {
    found = reinterpret_cast<Globals* (*)()>(dlsym(RTLD_DEFAULT, "__cxa_get_globals"));
    known.store(found, std::memory_order_relaxed);
  }
  return found != nullptr ? found() : nullptr;
}

void (*real_end_catch)() = nullptr;
void my_end_catch() {
  if (const Globals* const mine = globals()) let_go(caught_object(*mine));
  real_end_catch();
}

int (*real_guard_acquire)(void*) = nullptr;
int my_guard_acquire(void* guard) {
  const int is_mine = real_guard_acquire(guard);
  race::atomics::acquired_from(address_of(guard), 1);
  return is_mine;
}

void (*real_pointer_release)(void**) = nullptr;
void my_pointer_release(void** pointer) {
  let_go(*pointer);
  real_pointer_release(pointer);
}

void (*real_throw)(void*, std::type_info*, Destructor) = nullptr;
void my_throw(void* object, std::type_info* type, Destructor destructor) {
  real_throw(object, type, instead_of(object, destructor));
}

void* (*real_init)(void*, std::type_info*, Destructor) = nullptr;
void* my_init(void* object, std::type_info* type, Destructor destructor) {
  return real_init(object, type, instead_of(object, destructor));
}

struct AtExit {
  void (*function)(void*);
  void* argument;
};
void call_at_exit(void* given) {
  auto* const entry = static_cast<AtExit*>(given);
  if (sync_events::watching()) {
    sync_events::acquired(entry);
    sync_events::destroyed(entry);
  }
  entry->function(entry->argument);  // the entry stays: exit() may be called while it is being worked through
}

int (*real_atexit)(void (*)(void*), void*, void*) = nullptr;
int my_atexit(void (*function)(void*), void* argument, void* module) {
  AtExit* entry = nullptr;
  if (sync_events::watching()) record([&] { entry = own_new<AtExit>(AtExit{function, argument}); });
  if (entry == nullptr) return real_atexit(function, argument, module);  // nobody else is there yet
  sync_events::released(entry);
  return real_atexit(call_at_exit, entry, module);
}

const Replacement kAll[] = {
    {"__cxa_atexit", reinterpret_cast<void*>(my_atexit), reinterpret_cast<void**>(&real_atexit)},
    {"__cxa_guard_acquire", reinterpret_cast<void*>(my_guard_acquire), reinterpret_cast<void**>(&real_guard_acquire)},
    {"__cxa_end_catch", reinterpret_cast<void*>(my_end_catch), reinterpret_cast<void**>(&real_end_catch)},
    {"_ZNSt15__exception_ptr13exception_ptr10_M_releaseEv", reinterpret_cast<void*>(my_pointer_release),
     reinterpret_cast<void**>(&real_pointer_release)},
    {"__cxa_throw", reinterpret_cast<void*>(my_throw), reinterpret_cast<void**>(&real_throw)},
    {"__cxa_init_primary_exception", reinterpret_cast<void*>(my_init), reinterpret_cast<void**>(&real_init)},
};

}  // namespace

std::span<const Replacement> cxxabi_replacements() noexcept { return kAll; }

}  // namespace vigil::shim
