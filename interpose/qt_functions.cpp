// Qt 5's core: what its documentation says of its locks, conditions, semaphores, threads, pools and events, which it
// builds on futexes and atomics inside a library that is not instrumented. Rows as GLib's (glib_functions.cpp, decision
// 139).
//
// The fast halves of QBasicMutex are in its header: the atomics of instrumented code. So what the library does to any
// mutex goes into that same word. Where a thread ends, and what its waiter waits for, is told by the library's own
// pthread_cond_broadcast(). A pool's jobs are told by a table of virtual functions of ours, as oneTBB's tasks are. What
// a loop calls is not told: who is inside of one is compared once more at a conflict. Not followed: blocking queued
// signals, `delete` of a pool, and who only asks whether a thread has ended.
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "interpose/futex_lock.hpp"
#include "interpose/imports.hpp"
#include "interpose/instrumented_code.hpp"
#include "interpose/library_functions.hpp"
#include "interpose/library_waits.hpp"
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

// ---- events --------------------------------------------------------------------------------------------------------

// Stands for all events and all loops: who posts one comes before what a loop calls for it, and before its end.
constinit char events = 0;

template <Name kFunction, class Signature>
struct Posts;
template <Name kFunction, class Result, class... Given>
struct Posts<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    give(&events);
    return Posts::real(given...);
  }
};
template <Name kFunction, class Signature>
struct Runs;
template <Name kFunction, class Result, class... Given>
struct Runs<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    struct Over {
      ~Over() {
        take(&events);
        give(&events);
      }
    } const at_return;
    const Within here(&events);
    return Runs::real(given...);
  }
};

// What a program has a loop call, as Qt 5's ABI has it: QtPrivate::QSlotObjectBase. The library counts its references,
// so who posts it may be who deletes it.
struct Slot {
  using Body = void(int which, Slot*, void* receiver, void** arguments, bool* result);
  int references;
  Body* body;
};
// What the library is given in its place.
struct OurSlot {
  Slot head;
  Slot* own;
};
constexpr int kDestroy = 0;
constexpr int kCall = 1;
void run_slot(int which, Slot* given, void* receiver, void** arguments, bool* result) {
  auto* const slot = reinterpret_cast<OurSlot*>(given);
  take(slot);
  slot->own->body(which, slot->own, receiver, arguments, result);
  if (which == kCall) give(slot);
  if (which != kDestroy) return;
  const InsideGuard inside;
  own_delete(slot);
}
struct InvokeSlot
    : Function<"_ZN11QMetaObject16invokeMethodImplEP7QObjectPN9QtPrivate15QSlotObjectBaseEN2Qt14ConnectionTypeEPv",
               bool(void*, Slot*, int, void*)> {
  static bool ours(void* object, Slot* own, int type, void* result) {
    if (own == nullptr) return real(object, own, type, result);
    OurSlot* slot = nullptr;
    {
      const InsideGuard inside;
      slot = own_new<OurSlot>(OurSlot{{1, run_slot}, own});
    }
    if (sync_events::watching()) sync_events::destroyed(slot);
    give(slot);
    give(&events);
    const bool done = real(object, &slot->head, type, result);
    constexpr int kBlocking = 3;        // Qt::BlockingQueuedConnection
    if (type == kBlocking) take(slot);  // where it lay
    return done;
  }
};

// QGenericArgument, given by value.
struct Argument {
  void* data;
  const char* type;
};
using Invoke = bool(void*, const char*, int, Argument, Argument, Argument, Argument, Argument, Argument, Argument,
                    Argument, Argument, Argument, Argument);
using InvokeMethod = bool(const void*, void*, int, Argument, Argument, Argument, Argument, Argument, Argument, Argument,
                          Argument, Argument, Argument, Argument);

using Events = Table<
    Posts<"_ZN16QCoreApplication9postEventEP7QObjectP6QEventi", void(void*, void*, int)>,
    Posts<"_ZN11QMetaObject8activateEP7QObjectPKS_iPPv", void(void*, const void*, int, void**)>,
    Posts<"_ZN11QMetaObject8activateEP7QObjectiiPPv", void(void*, int, int, void**)>,
    Posts<"_ZN11QMetaObject8activateEP7QObjectiPPv", void(void*, int, void**)>, InvokeSlot,
    Posts<"_ZN11QMetaObject12invokeMethodEP7QObjectPKcN2Qt14ConnectionTypeE22QGenericReturnArgument16QGenericArgumentS7"
          "_S7_"
          "S7_S7_S7_S7_S7_S7_S7_",
          Invoke>,
    Posts<
        "_ZNK11QMetaMethod6invokeEP7QObjectN2Qt14ConnectionTypeE22QGenericReturnArgument16QGenericArgumentS5_S5_S5_S5_"
        "S5_S5_S5_S5_S5_",
        InvokeMethod>,
    Posts<"_ZN7QObject11deleteLaterEv", void(void*)>, Posts<"_ZN7QObject12moveToThreadEP7QThread", void(void*, void*)>,
    Posts<"_ZN7QThread4quitEv", void(void*)>, Posts<"_ZN7QThread4exitEi", void(void*, int)>,
    Posts<"_ZN16QCoreApplication4quitEv", void()>, Posts<"_ZN16QCoreApplication4exitEi", void(int)>,
    Posts<"_ZN10QEventLoop4quitEv", void(void*)>, Posts<"_ZN10QEventLoop4exitEi", void(void*, int)>,
    Runs<"_ZN16QCoreApplication4execEv", int()>, Runs<"_ZN7QThread4execEv", int(void*)>,
    Runs<"_ZN10QEventLoop4execE6QFlagsINS_17ProcessEventsFlagEE", int(void*, int)>,
    Runs<"_ZN10QEventLoop13processEventsE6QFlagsINS_17ProcessEventsFlagEE", bool(void*, int)>,
    Runs<"_ZN10QEventLoop13processEventsE6QFlagsINS_17ProcessEventsFlagEEi", void(void*, int, int)>,
    Runs<"_ZN16QCoreApplication13processEventsE6QFlagsIN10QEventLoop17ProcessEventsFlagEE", void(int)>,
    Runs<"_ZN16QCoreApplication13processEventsE6QFlagsIN10QEventLoop17ProcessEventsFlagEEi", void(int, int)>,
    Runs<"_ZN16QCoreApplication16sendPostedEventsEP7QObjecti", void(void*, int)>>;

// ---- threads -------------------------------------------------------------------------------------------------------

// The QThread whose thread this is: it stands for its end.
thread_local constinit const void* of_thread __attribute__((tls_model("initial-exec"))) = nullptr;

// Where its run() is QThread's own, a loop: what stands for that.
thread_local constinit const void* of_loop __attribute__((tls_model("initial-exec"))) = nullptr;
constinit void* default_run = nullptr;  // QThread::run()
bool runs_a_loop(void* thread) noexcept {
  constexpr std::size_t kRunOfThread = 12;  // behind QObject's functions
  return default_run != nullptr && (*static_cast<void***>(thread))[kRunOfThread] == default_run;
}

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
  if (!runs_a_loop(begin.argument)) return begin.start(begin.argument);
  of_loop = &events;
  const Within here(&events);
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
  take(of_loop);
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

// ---- pools ---------------------------------------------------------------------------------------------------------

// As Qt 5's ABI has it: <QtCore/qrunnable.h>.
using Entry = void*;
struct Runnable {
  Entry* table;
};
constexpr std::size_t kRun = 0;
constexpr std::size_t kDelete = 2;  // behind what destroys alone

// What stands in for the table of one type of jobs, whose own functions may be many: so much of what lies there is
// copied as there can be. Made once for each, and never given back: a job keeps it.
struct StandIn {
  static constexpr std::size_t kBefore = 16;   // entries: offsets, and the type
  static constexpr std::size_t kBehind = 480;  // entries
  Entry* own = nullptr;
  std::array<Entry, kBefore + kBehind> entries{};
};
StandIn& of_table(Entry* table) noexcept {
  return *reinterpret_cast<StandIn*>(reinterpret_cast<char*>(table - StandIn::kBefore) - offsetof(StandIn, entries));
}

constinit char ends = 0;  // stands for the ends of all jobs

void run_job(Runnable* job) {
  const auto own = reinterpret_cast<void (*)(Runnable*)>(of_table(job->table).own[kRun]);
  take(job);
  own(job);  // which may delete it
  give(&ends);
}
void delete_job(Runnable* job) {
  const auto own = reinterpret_cast<void (*)(Runnable*)>(of_table(job->table).own[kDelete]);
  if (sync_events::watching()) sync_events::destroyed(job);
  own(job);
  give(&ends);
}

// The bytes of a module around that place, which are mapped.
struct Around {
  const void* at;
  Entry* low = nullptr;
  Entry* high = nullptr;
};
int look_around(dl_phdr_info* module, std::size_t /*size*/, void* given) noexcept {
  Around& around = *static_cast<Around*>(given);
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = module->dlpi_phdr[i];
    const std::uintptr_t low = module->dlpi_addr + part.p_vaddr;
    if (part.p_type != PT_LOAD || address_of(around.at) - low >= part.p_memsz) continue;
    constexpr std::uintptr_t kMask = sizeof(Entry) - 1;
    around.low = reinterpret_cast<Entry*>((low + kMask) & ~kMask);
    around.high = reinterpret_cast<Entry*>((low + part.p_memsz) & ~kMask);
    return 1;
  }
  return 0;
}

constinit FutexLock lock;
constinit OwnMap<Entry*, StandIn*>* stand_ins = nullptr;  // by the type's own table, and by ours; guarded by lock

// That of a table that nobody made a stand-in for: of a type, if it lies in a module; else null.
StandIn* new_stand_in(Entry* own) noexcept {
  Around around{own};
  if (dl_iterate_phdr(look_around, &around) == 0) return nullptr;
  auto* const it = own_new<StandIn>();
  it->own = own;
  Entry* const first = std::max(around.low, own - StandIn::kBefore);
  Entry* const last = std::min(around.high, own + StandIn::kBehind);
  Entry* const table = it->entries.data() + StandIn::kBefore;
  std::copy(first, last, table - (own - first));
  table[kRun] = reinterpret_cast<Entry>(run_job);
  table[kDelete] = reinterpret_cast<Entry>(delete_job);
  return it;
}
// Gives the job a table of ours, if it has none.
void stand_in_for(Runnable& job) noexcept {
  const InsideGuard inside;
  lock.lock();
  if (stand_ins == nullptr) stand_ins = own_new<OwnMap<Entry*, StandIn*>>();
  StandIn*& known = (*stand_ins)[job.table];
  if (known == nullptr) known = new_stand_in(job.table);
  StandIn* const it = known;
  Entry* const table = it == nullptr ? nullptr : it->entries.data() + StandIn::kBefore;
  if (it != nullptr && job.table != table) {
    (*stand_ins)[table] = it;
    job.table = table;
  }
  lock.unlock();
}
void hand_on(Runnable* job) noexcept {
  if (job == nullptr) return;
  give(job);
  stand_in_for(*job);
}

struct StartJob : Function<"_ZN11QThreadPool5startEP9QRunnablei", void(void*, Runnable*, int)> {
  static void ours(void* pool, Runnable* job, int priority) {
    hand_on(job);
    real(pool, job, priority);
  }
};
struct TryStartJob : Function<"_ZN11QThreadPool8tryStartEP9QRunnable", bool(void*, Runnable*)> {
  static bool ours(void* pool, Runnable* job) {
    hand_on(job);
    return real(pool, job);
  }
};
// A std::function is given as the address of one that its callee may use up.
struct Callable {
  void* state[2];
  void* manager;  // null: it is empty
  void* call;
};
using Create = Runnable*(Callable*);
constinit Create* create_job = nullptr;  // QRunnable::create()
struct StartFunction : Function<"_ZN11QThreadPool5startESt8functionIFvvEEi", void(void*, Callable*, int)> {
  static void ours(void* pool, Callable* callable, int priority) {
    if (callable->manager == nullptr || create_job == nullptr || StartJob::real == nullptr) {
      real(pool, callable, priority);
    } else {
      StartJob::ours(pool, create_job(callable), priority);
    }
  }
};

// Takes from what stands for others, if it does not say that it failed.
template <const char* kObject, Name kFunction, class Signature>
struct TakesFrom;
template <const char* kObject, Name kFunction, class Result, class... Given>
struct TakesFrom<kObject, kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    return TakesFrom::and_then([] { take(kObject); }, given...);
  }
};
using Pools =
    Table<StartJob, TryStartJob, StartFunction, TakesFrom<&ends, "_ZN11QThreadPool11waitForDoneEi", bool(void*, int)>,
          TakesFrom<&ends, "_ZN11QThreadPoolD1Ev", void(void*)>, TakesFrom<&ends, "_ZN11QThreadPoolD2Ev", void(void*)>,
          TakesFrom<&ends, "_ZN16QCoreApplicationD1Ev", void(void*)>,
          TakesFrom<&ends, "_ZN16QCoreApplicationD2Ev", void(void*)>>;

// What stands for a future's result: the second word of each that shares it.
struct Future {
  void* table;
  void* shared;
};
template <Name kFunction>
struct Finishes : Function<kFunction, void(Future*)> {
  static void ours(Future* future) {
    give(future->shared);
    Finishes::real(future);
  }
};
template <Name kFunction, class Result>
struct LearnsOfIt : Function<kFunction, Result(Future*)> {
  static Result ours(Future* future) {
    return LearnsOfIt::and_then([&] { take(future->shared); }, future);
  }
};
using Futures = Table<Finishes<"_ZN20QFutureInterfaceBase14reportFinishedEv">,
                      LearnsOfIt<"_ZN20QFutureInterfaceBase15waitForFinishedEv", void>,
                      LearnsOfIt<"_ZNK20QFutureInterfaceBase10isFinishedEv", bool>>;

// ---- all of them ---------------------------------------------------------------------------------------------------

const Replacement* qt_row(std::string_view name) noexcept {
  if (!name.starts_with("_ZN")) return nullptr;
  return find_row<Mutexes, OtherLocks, Conditions, Events, Threads, Pools, Futures>(name);
}

int follow_library(dl_phdr_info* module, std::size_t size, void* code) noexcept {
  if (Around around{code}; look_around(module, size, &around) == 0) return 0;
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
  const auto find = [](auto*& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(RTLD_DEFAULT, name));
  };
  find(qt::ReadWriteLock::state_of, "_ZNK14QReadWriteLock21stateForWaitConditionEv");
  find(qt::default_run, "_ZN7QThread3runEv");
  find(qt::create_job, "_ZN9QRunnable6createESt8functionIFvvEE");
  find(qt::StartJob::real, qt::StartJob::kName);
  library_functions::follow_calls(qt::qt_row);
  dl_iterate_phdr(qt::follow_library, of_library);
}

}  // namespace vigil::shim
