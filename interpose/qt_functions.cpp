// Qt 5's core: what its documentation says of its locks, conditions, semaphores and threads, which it builds on futexes
// and atomics inside a library that is not instrumented. Rows as GLib's (glib_functions.cpp, decision 139).
//
// The fast halves of QBasicMutex are in its header: the atomics of instrumented code. So what the library does to any
// mutex goes into that same word. Where a thread ends, and what its waiter waits for, is told by the library's own
// pthread_cond_broadcast(). Not followed: pools, events, and who only asks whether a thread has ended.
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "interpose/imports.hpp"
#include "interpose/instrumented_code.hpp"
#include "interpose/library_functions.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim::qt {
namespace {

using namespace library_functions;  // NOLINT(google-build-using-namespace): the words of the table

// As Qt 5's ABI has it: <QtCore/qdeadlinetimer.h>. Given by value.
struct Deadline {
  std::int64_t seconds;
  std::uint32_t nanoseconds;
  std::uint32_t type;
};

// ---- locks ---------------------------------------------------------------------------------------------------------

struct Mutex {
  static constexpr std::size_t kBytes = sizeof(void*);  // its word
  static void taken(const void* mutex) noexcept { race::atomics::acquired_from(address_of(mutex), kBytes); }
  static void given_back(const void* mutex) noexcept { race::atomics::released_into(address_of(mutex), kBytes); }
};
// Who writes comes after all, who reads after those who wrote.
struct ReadWriteLock {
  using StateOf = int(const void*);
  static inline constinit StateOf* state_of = nullptr;
  static constexpr int kReadLocked = 0;  // QReadWriteLock::StateForWaitCondition
  static const void* readers_of(const void* lock) noexcept { return static_cast<const char*>(lock) + 1; }

  static bool is_read(const void* lock) noexcept { return state_of != nullptr && state_of(lock) == kReadLocked; }
  static void taken_to_read(const void* lock) noexcept { take(lock); }
  static void taken_to_write(const void* lock) noexcept {
    take(lock);
    take(readers_of(lock));
  }
  static void taken(const void* lock) noexcept { is_read(lock) ? taken_to_read(lock) : taken_to_write(lock); }
  static void given_back(const void* lock) noexcept { give(is_read(lock) ? readers_of(lock) : lock); }
};

// Its lock is its first argument, and it ...
template <void (*kTaken)(const void*) noexcept, Name kFunction, class Signature>
struct Locks;  // ... takes it, if it does not say that it failed
template <void (*kTaken)(const void*) noexcept, Name kFunction, class Result, class... Given>
struct Locks<kTaken, kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    return Locks::and_then([&] { kTaken(Locks::template argument<0>(given...)); }, given...);
  }
};
template <class Lock, Name kFunction>
struct Unlocks : Function<kFunction, void(void*)> {
  static void ours(void* lock) {
    Lock::given_back(lock);
    Unlocks::real(lock);
  }
};
template <class Lock, Name kFunction, class Until>
struct WaitsWith : Function<kFunction, bool(void*, void*, Until)> {  // its lock is the second
  static bool ours(void* condition, void* lock, Until until) {
    if (lock == nullptr) return WaitsWith::real(condition, lock, until);
    const bool is_read = std::is_same_v<Lock, ReadWriteLock> && ReadWriteLock::is_read(lock);
    Lock::given_back(lock);
    const bool woken = WaitsWith::real(condition, lock, until);
    if (is_read) {
      ReadWriteLock::taken_to_read(lock);
    } else {
      Lock::taken(lock);
    }
    return woken;
  }
};

using Mutexes =
    Table<Locks<Mutex::taken, "_ZN6QMutex4lockEv", void(void*)>,
          Locks<Mutex::taken, "_ZN6QMutex7tryLockEi", bool(void*, int)>, Unlocks<Mutex, "_ZN6QMutex6unlockEv">,
          Locks<Mutex::taken, "_ZN11QBasicMutex12lockInternalEv", void(void*)>,
          Locks<Mutex::taken, "_ZN11QBasicMutex12lockInternalEi", bool(void*, int)>,
          Unlocks<Mutex, "_ZN11QBasicMutex14unlockInternalEv">>;
using OtherLocks =
    Table<Locks<ReadWriteLock::taken_to_read, "_ZN14QReadWriteLock11lockForReadEv", void(void*)>,
          Locks<ReadWriteLock::taken_to_read, "_ZN14QReadWriteLock14tryLockForReadEv", bool(void*)>,
          Locks<ReadWriteLock::taken_to_read, "_ZN14QReadWriteLock14tryLockForReadEi", bool(void*, int)>,
          Locks<ReadWriteLock::taken_to_write, "_ZN14QReadWriteLock12lockForWriteEv", void(void*)>,
          Locks<ReadWriteLock::taken_to_write, "_ZN14QReadWriteLock15tryLockForWriteEv", bool(void*)>,
          Locks<ReadWriteLock::taken_to_write, "_ZN14QReadWriteLock15tryLockForWriteEi", bool(void*, int)>,
          Unlocks<ReadWriteLock, "_ZN14QReadWriteLock6unlockEv">,
          BeginsOrEnds<"_ZN14QReadWriteLockC1ENS_13RecursionModeE", void(void*, int)>,
          BeginsOrEnds<"_ZN14QReadWriteLockD1Ev", void(void*)>, Takes<"_ZN10QSemaphore7acquireEi", void(void*, int)>,
          Takes<"_ZN10QSemaphore10tryAcquireEi", bool(void*, int)>,
          Takes<"_ZN10QSemaphore10tryAcquireEii", bool(void*, int, int)>,
          Gives<"_ZN10QSemaphore7releaseEi", void(void*, int)>, BeginsOrEnds<"_ZN10QSemaphoreC1Ei", void(void*, int)>,
          BeginsOrEnds<"_ZN10QSemaphoreD1Ev", void(void*)>>;
using Conditions =
    Table<WaitsWith<Mutex, "_ZN14QWaitCondition4waitEP6QMutex14QDeadlineTimer", Deadline>,
          WaitsWith<Mutex, "_ZN14QWaitCondition4waitEP6QMutexm", unsigned long>,
          WaitsWith<ReadWriteLock, "_ZN14QWaitCondition4waitEP14QReadWriteLock14QDeadlineTimer", Deadline>,
          WaitsWith<ReadWriteLock, "_ZN14QWaitCondition4waitEP14QReadWriteLockm", unsigned long>>;

// ---- threads -------------------------------------------------------------------------------------------------------

// The QThread whose thread this is: it stands for its end.
thread_local constinit const void* of_thread __attribute__((tls_model("initial-exec"))) = nullptr;

// What the library calls pthread's functions for is changed in its own imports, and nobody else's.
using Start = void*(void*);
struct Begin {
  Start* start;
  void* argument;
};
void* run_thread(void* given) {
  const Begin begin = *static_cast<Begin*>(given);
  {
    const InsideGuard inside;
    own_delete(static_cast<Begin*>(given));
  }
  of_thread = begin.argument;
  return begin.start(begin.argument);
}
int create_thread(pthread_t* thread, const pthread_attr_t* attributes, Start* start, void* argument) noexcept {
  Begin* begin = nullptr;
  {
    const InsideGuard inside;
    begin = own_new<Begin>(Begin{start, argument});
  }
  const int rc = pthread_create(thread, attributes, run_thread, begin);
  if (rc != 0) {
    const InsideGuard inside;
    own_delete(begin);
  }
  return rc;
}
// The last that a thread wakes tells that it is finished: QThreadPrivate::finish().
int wake_all(pthread_cond_t* condition) noexcept {
  give(of_thread);
  return pthread_cond_broadcast(condition);
}

template <Name kFunction>
struct EndsThread : Function<kFunction, void(void*)> {
  static void ours(void* thread) {
    EndsThread::real(thread);
    take(thread);
    if (sync_events::watching()) sync_events::destroyed(thread);
  }
};
using Threads = Table<Takes<"_ZN7QThread4waitE14QDeadlineTimer", bool(void*, Deadline)>,
                      Takes<"_ZN7QThread4waitEm", bool(void*, unsigned long)>,
                      Takes<"_ZNK7QThread10isFinishedEv", bool(void*)>, EndsThread<"_ZN7QThreadD1Ev">,
                      EndsThread<"_ZN7QThreadD2Ev">, Gives<"_ZN7QThread19requestInterruptionEv", void(void*)>,
                      Takes<"_ZNK7QThread23isInterruptionRequestedEv", bool(void*)>>;

// ---- all of them ---------------------------------------------------------------------------------------------------

const Replacement* qt_row(std::string_view name) noexcept {
  if (!name.starts_with("_ZN")) return nullptr;
  return find_row<Mutexes, OtherLocks, Conditions, Threads>(name);
}

bool is_of(const dl_phdr_info& module, const void* code) noexcept {
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = module.dlpi_phdr[i];
    if (part.p_type == PT_LOAD && address_of(code) - module.dlpi_addr - part.p_vaddr < part.p_memsz) return true;
  }
  return false;
}
int follow_library(dl_phdr_info* module, std::size_t /*size*/, void* code) noexcept {
  if (!is_of(*module, code)) return 0;
  each_import(*module, imports_of(*module), [&](std::string_view name, void** slot) {
    if (name == "pthread_create") redirect(*module, slot, reinterpret_cast<void*>(create_thread));
    if (name == "pthread_cond_broadcast") redirect(*module, slot, reinterpret_cast<void*>(wake_all));
  });
  return 1;
}

}  // namespace
}  // namespace vigil::shim::qt

namespace vigil::shim {

void follow_qt() noexcept {
  void* const of_library = dlsym(RTLD_DEFAULT, "_ZN11QBasicMutex12lockInternalEv");
  if (of_library == nullptr) return;
  void* const state_of = dlsym(RTLD_DEFAULT, "_ZNK14QReadWriteLock21stateForWaitConditionEv");
  qt::ReadWriteLock::state_of = reinterpret_cast<qt::ReadWriteLock::StateOf*>(state_of);
  library_functions::follow_calls(qt::qt_row);
  dl_iterate_phdr(qt::follow_library, of_library);
}

}  // namespace vigil::shim
