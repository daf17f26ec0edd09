// GLib: what its own documentation says of its locks, queues, pools, main loops and counts. It builds them on futexes
// and atomics inside the library, which is not instrumented. (GRecMutex, GRWLock, GThread and GPrivate are pthread's.)
//
// Instrumented modules' calls get here when they arrive, and with them those of all others that use GLib: what GIO and
// GObject hand on counts, too. Locks are in the order without locks as well, as OpenMP's are: the graph of locks does
// not know them, so that it cannot see that whoever holds one is alone.
//
// Each row of the table at the end names a function and what it means for its object. Not followed: what an application
// or a library does with atomics of its own in modules that are not instrumented.
#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "interpose/imports.hpp"
#include "interpose/instrumented_code.hpp"
#include "interpose/library_waits.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim {
namespace {

using library_waits::Within;

void give(const void* object) noexcept {
  if (object != nullptr && sync_events::watching()) sync_events::released(object);
}
void take(const void* object) noexcept {
  if (object != nullptr && sync_events::watching()) sync_events::acquired(object);
}

// ---- rows ----------------------------------------------------------------------------------------------------------

struct Name {
  static constexpr std::size_t kMost = 40;
  // NOLINTNEXTLINE(google-explicit-constructor): a row is written with its name
  consteval Name(const char* name) { std::copy_n(name, std::string_view(name).size(), text); }
  char text[kMost] = {};
};

template <Name kFunction, class Signature>
struct Function;
template <Name kFunction, class Result, class... Given>
struct Function<kFunction, Result(Given...)> {
  static constexpr const char* kName = kFunction.text;
  using Pointer = Result (*)(Given...);
  static inline constinit Pointer real = nullptr;

  template <std::size_t kWhich>
  static void* argument(Given... given) noexcept {
    return std::get<kWhich>(std::tuple(given...));
  }
  // Calls it, and calls then(), if it succeeded where it can fail.
  template <class Then>
  static Result and_then(Then&& then, Given... given) {
    if constexpr (std::is_void_v<Result>) {
      real(given...);
      then();
    } else {
      const Result result = real(given...);
      if (result != Result{}) then();
      return result;
    }
  }
};

// Its object is its first argument, and ...
template <Name kFunction, class Signature>
struct Gives;  // ... what was done before comes before who takes it
template <Name kFunction, class Result, class... Given>
struct Gives<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    give(Gives::template argument<0>(given...));
    return Gives::real(given...);
  }
};
template <Name kFunction, class Signature>
struct Takes;
template <Name kFunction, class Result, class... Given>
struct Takes<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    return Takes::and_then([&] { take(Takes::template argument<0>(given...)); }, given...);
  }
};
template <Name kFunction, class Signature>
struct GivesAndTakes;
template <Name kFunction, class Result, class... Given>
struct GivesAndTakes<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    give(GivesAndTakes::template argument<0>(given...));
    return GivesAndTakes::and_then([&] { take(GivesAndTakes::template argument<0>(given...)); }, given...);
  }
};
// ... gives a reference to it back: whoever gives the last one comes after all others, and the library calls what ends
// the object; or puts something in its place by a function of the program's.
template <Name kFunction, class Signature>
struct GivesWithin;
template <Name kFunction, class Result, class... Given>
struct GivesWithin<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    void* const object = GivesWithin::template argument<0>(given...);
    give(object);
    const Within here(object);
    return GivesWithin::real(given...);
  }
};
template <Name kFunction, class Signature>
struct BeginsOrEnds;  // ... has no past, or no future
template <Name kFunction, class Result, class... Given>
struct BeginsOrEnds<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    if (sync_events::watching()) sync_events::destroyed(BeginsOrEnds::template argument<0>(given...));
    return BeginsOrEnds::real(given...);
  }
};
// Waits for a condition, its first argument; its lock is the second.
template <Name kFunction, class Signature>
struct Waits;
template <Name kFunction, class Result, class... Given>
struct Waits<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    void* const lock = Waits::template argument<1>(given...);
    give(lock);
    struct TakenBack {
      ~TakenBack() { take(lock); }
      void* lock;
    } const at_return{lock};
    return Waits::real(given...);
  }
};

// ---- main loops ----------------------------------------------------------------------------------------------------

// Stands for all sources of all main loops: who adds one comes before its functions, which the library calls within
// these calls; and who runs a loop after another has, after that.
constinit char sources = 0;

template <Name kFunction, class Signature>
struct Adds;
template <Name kFunction, class Result, class... Given>
struct Adds<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    give(&sources);
    const Within here(&sources);  // g_main_context_invoke() may call the function itself
    return Adds::real(given...);
  }
};
template <Name kFunction, class Signature>
struct Runs;
template <Name kFunction, class Result, class... Given>
struct Runs<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    struct Over {
      ~Over() {
        take(loop);
        take(&sources);
        give(&sources);
      }
      void* loop;
    } const at_return{Runs::template argument<0>(given...)};
    const Within here(&sources);
    return Runs::real(given...);
  }
};

// ---- what is done once ---------------------------------------------------------------------------------------------

// Whoever finds it done tests that by an atomic load of its own: so the release goes into that.
using OnceBody = void*(void*);
struct Once {
  OnceBody* body;
  void* argument;
  void* state;
};
constexpr std::size_t kBytesOfStatus = sizeof(int);  // the first member of a GOnce
void* run_once(void* given) {
  const Once& once = *static_cast<const Once*>(given);
  void* const result = once.body(once.argument);
  race::atomics::released_into(address_of(once.state), kBytesOfStatus);
  return result;
}
struct OnceImpl : Function<"g_once_impl", void*(void*, OnceBody*, void*)> {
  static void* ours(void* state, OnceBody* body, void* argument) {
    Once once{body, argument, state};
    void* const result = real(state, run_once, &once);
    race::atomics::acquired_from(address_of(state), kBytesOfStatus);
    return result;
  }
};
template <Name kFunction>
struct EntersOnce : Function<kFunction, int(void*)> {
  static int ours(void* location) {
    const int is_first = EntersOnce::real(location);
    if (is_first == 0) race::atomics::acquired_from(address_of(location), sizeof(void*));
    return is_first;
  }
};
template <Name kFunction>
struct LeavesOnce : Function<kFunction, void(void*, void*)> {
  static void ours(void* location, void* result) {
    race::atomics::released_into(address_of(location), sizeof(void*));
    LeavesOnce::real(location, result);
  }
};

// A type's class is initialised by whoever first comes to it, inside of any function that makes an object.
using ClassInit = void(void*, void*);
struct Class {
  ClassInit* init;
  void* data;
};
void init_class(void* type_class, void* given) {
  const Class& its = *static_cast<const Class*>(given);
  its.init(type_class, its.data);
  library_waits::prepared();
}
// As GLib's ABI has it: <gobject/gtype.h>.
struct TypeInfo {
  std::uint16_t class_size;
  void* base_init;
  void* base_finalize;
  ClassInit* class_init;
  void* class_finalize;
  void* class_data;
  std::uint16_t instance_size;
  std::uint16_t preallocated;
  void* instance_init;
  const void* value_table;
};
using RegisterStatic = std::uintptr_t(std::uintptr_t, const char*, const TypeInfo*, int);
// Types are never unregistered, and so is what stands for them kept.
std::uintptr_t register_with(RegisterStatic* real, std::uintptr_t parent, const char* name, const TypeInfo& info,
                             int flags) {
  if (info.class_init == nullptr || info.class_finalize != nullptr) return real(parent, name, &info, flags);
  TypeInfo changed = info;
  {
    const InsideGuard inside;
    changed.class_data = own_new<Class>(Class{info.class_init, info.class_data});
  }
  changed.class_init = init_class;
  return real(parent, name, &changed, flags);
}
struct RegisterType : Function<"g_type_register_static", RegisterStatic> {
  static std::uintptr_t ours(std::uintptr_t parent, const char* name, const TypeInfo* info, int flags) {
    return info == nullptr ? real(parent, name, info, flags) : register_with(real, parent, name, *info, flags);
  }
};
struct RegisterSimpleType
    : Function<"g_type_register_static_simple",
               std::uintptr_t(std::uintptr_t, const char*, unsigned, ClassInit*, unsigned, void*, int)> {
  static std::uintptr_t ours(std::uintptr_t parent, const char* name, unsigned class_size, ClassInit* class_init,
                             unsigned instance_size, void* instance_init, int flags) {
    auto* const full = reinterpret_cast<RegisterStatic*>(dlsym(RTLD_DEFAULT, RegisterType::kName));
    if (full == nullptr || class_size > UINT16_MAX || instance_size > UINT16_MAX) {
      return real(parent, name, class_size, class_init, instance_size, instance_init, flags);
    }
    TypeInfo info{};
    info.class_size = static_cast<std::uint16_t>(class_size);
    info.class_init = class_init;
    info.instance_size = static_cast<std::uint16_t>(instance_size);
    info.instance_init = instance_init;
    return register_with(full, parent, name, info, flags);
  }
};

// ---- pools of threads ----------------------------------------------------------------------------------------------

// The head of a GThreadPool, which is public.
using PoolBody = void(void*, void*);
struct ThreadPool {
  PoolBody* body;
  void* data;
};
// What a pool's function is given in place of its own data. Kept for good: a pool may end before its threads do.
struct Pool {
  PoolBody* body;
  void* data;
  char ends;  // stands for the ends of its jobs, and the block itself for those who ask for them
};
void run_job(void* job, void* given) {
  Pool& pool = *static_cast<Pool*>(given);
  take(&pool);
  pool.body(job, pool.data);
  give(&pool.ends);
}
Pool* pool_of(const void* pool) noexcept {
  const auto* const known = static_cast<const ThreadPool*>(pool);
  return known != nullptr && known->body == run_job ? static_cast<Pool*>(known->data) : nullptr;
}
Pool* new_pool(PoolBody* body, void* data) noexcept {
  const InsideGuard inside;
  return own_new<Pool>(Pool{body, data, 0});
}
struct NewPool : Function<"g_thread_pool_new", void*(PoolBody*, void*, int, int, void**)> {
  static void* ours(PoolBody* body, void* data, int threads, int exclusive, void** error) {
    return real(run_job, new_pool(body, data), threads, exclusive, error);
  }
};
struct NewFullPool : Function<"g_thread_pool_new_full", void*(PoolBody*, void*, void*, int, int, void**)> {
  static void* ours(PoolBody* body, void* data, void* free_item, int threads, int exclusive, void** error) {
    return real(run_job, new_pool(body, data), free_item, threads, exclusive, error);
  }
};
struct PushJob : Function<"g_thread_pool_push", int(void*, void*, void**)> {
  static int ours(void* pool, void* job, void** error) {
    give(pool_of(pool));
    return real(pool, job, error);
  }
};
struct FreePool : Function<"g_thread_pool_free", void(void*, int, int)> {
  static void ours(void* pool, int immediate, int wait) {
    Pool* const known = pool_of(pool);
    real(pool, immediate, wait);
    if (known != nullptr && wait != 0) take(&known->ends);
  }
};

// ---- all of them ---------------------------------------------------------------------------------------------------

// Filled by who first looks at it: one thread at a time (instrumented_code.cpp).
template <class... Rows>
struct Table {
  static std::span<const Replacement> rows() noexcept {
    static constinit std::array<Replacement, sizeof...(Rows)> all{};
    if (all.front().name == nullptr) {
      all = {Replacement{Rows::kName, reinterpret_cast<void*>(&Rows::ours), reinterpret_cast<void**>(&Rows::real)}...};
    }
    return all;
  }
};

using Locks = Table<BeginsOrEnds<"g_mutex_init", void(void*)>, BeginsOrEnds<"g_mutex_clear", void(void*)>,
                    Takes<"g_mutex_lock", void(void*)>, Takes<"g_mutex_trylock", int(void*)>,
                    Gives<"g_mutex_unlock", void(void*)>, Waits<"g_cond_wait", void(void*, void*)>,
                    Waits<"g_cond_wait_until", int(void*, void*, std::int64_t)>,
                    Waits<"g_cond_timed_wait", int(void*, void*, void*)>, Takes<"g_bit_lock", void(void*, int)>,
                    Takes<"g_bit_trylock", int(void*, int)>, Gives<"g_bit_unlock", void(void*, int)>,
                    Takes<"g_pointer_bit_lock", void(void*, int)>, Takes<"g_pointer_bit_trylock", int(void*, int)>,
                    Gives<"g_pointer_bit_unlock", void(void*, int)>, OnceImpl, EntersOnce<"g_once_init_enter">,
                    EntersOnce<"g_once_init_enter_pointer">, LeavesOnce<"g_once_init_leave">,
                    LeavesOnce<"g_once_init_leave_pointer">, RegisterType, RegisterSimpleType>;

using Queues =
    Table<Gives<"g_async_queue_push", void(void*, void*)>, Gives<"g_async_queue_push_unlocked", void(void*, void*)>,
          Gives<"g_async_queue_push_front", void(void*, void*)>,
          Gives<"g_async_queue_push_front_unlocked", void(void*, void*)>,
          GivesWithin<"g_async_queue_push_sorted", void(void*, void*, void*, void*)>,
          GivesWithin<"g_async_queue_push_sorted_unlocked", void(void*, void*, void*, void*)>,
          GivesWithin<"g_async_queue_sort", void(void*, void*, void*)>,
          GivesWithin<"g_async_queue_sort_unlocked", void(void*, void*, void*)>,
          Takes<"g_async_queue_pop", void*(void*)>, GivesAndTakes<"g_async_queue_pop_unlocked", void*(void*)>,
          Takes<"g_async_queue_try_pop", void*(void*)>, Takes<"g_async_queue_try_pop_unlocked", void*(void*)>,
          Takes<"g_async_queue_timeout_pop", void*(void*, std::uint64_t)>,
          GivesAndTakes<"g_async_queue_timeout_pop_unlocked", void*(void*, std::uint64_t)>,
          Takes<"g_async_queue_timed_pop", void*(void*, void*)>,
          GivesAndTakes<"g_async_queue_timed_pop_unlocked", void*(void*, void*)>,
          Takes<"g_async_queue_remove", int(void*, void*)>, Takes<"g_async_queue_remove_unlocked", int(void*, void*)>,
          Takes<"g_async_queue_lock", void(void*)>, Gives<"g_async_queue_unlock", void(void*)>,
          GivesWithin<"g_async_queue_unref", void(void*)>, NewPool, NewFullPool, PushJob, FreePool>;

using Loops =
    Table<Adds<"g_source_attach", unsigned(void*, void*)>, Adds<"g_source_set_ready_time", void(void*, std::int64_t)>,
          Adds<"g_idle_add", unsigned(void*, void*)>, Adds<"g_idle_add_once", unsigned(void*, void*)>,
          Adds<"g_idle_add_full", unsigned(int, void*, void*, void*)>,
          Adds<"g_timeout_add", unsigned(unsigned, void*, void*)>,
          Adds<"g_timeout_add_once", unsigned(unsigned, void*, void*)>,
          Adds<"g_timeout_add_full", unsigned(int, unsigned, void*, void*, void*)>,
          Adds<"g_timeout_add_seconds", unsigned(unsigned, void*, void*)>,
          Adds<"g_timeout_add_seconds_full", unsigned(int, unsigned, void*, void*, void*)>,
          Adds<"g_unix_fd_add", unsigned(int, int, void*, void*)>,
          Adds<"g_unix_fd_add_full", unsigned(int, int, int, void*, void*, void*)>,
          Adds<"g_io_add_watch", unsigned(void*, int, void*, void*)>,
          Adds<"g_io_add_watch_full", unsigned(void*, int, int, void*, void*, void*)>,
          Adds<"g_main_context_invoke", void(void*, void*, void*)>,
          Adds<"g_main_context_invoke_full", void(void*, int, void*, void*, void*)>,
          Adds<"g_main_context_wakeup", void(void*)>, Runs<"g_main_loop_run", void(void*)>,
          Runs<"g_main_context_iteration", int(void*, int)>, Runs<"g_main_context_dispatch", void(void*)>,
          Runs<"g_main_context_prepare", int(void*, void*)>, Gives<"g_main_loop_quit", void(void*)>,
          Takes<"g_main_context_acquire", int(void*)>, Gives<"g_main_context_release", void(void*)>>;

using References =
    Table<GivesWithin<"g_object_unref", void(void*)>, GivesWithin<"g_bytes_unref", void(void*)>,
          GivesWithin<"g_variant_unref", void(void*)>, GivesWithin<"g_array_unref", void(void*)>,
          GivesWithin<"g_ptr_array_unref", void(void*)>, GivesWithin<"g_byte_array_unref", void(void*)>,
          GivesWithin<"g_hash_table_unref", void(void*)>, GivesWithin<"g_closure_unref", void(void*)>,
          GivesWithin<"g_source_unref", void(void*)>, GivesWithin<"g_main_loop_unref", void(void*)>,
          GivesWithin<"g_main_context_unref", void(void*)>, GivesWithin<"g_atomic_rc_box_release", void(void*)>,
          GivesWithin<"g_atomic_rc_box_release_full", void(void*, void*)>,
          GivesAndTakes<"g_atomic_ref_count_dec", int(void*)>>;

const Replacement* glib_row(std::string_view name) noexcept {
  if (!name.starts_with("g_")) return nullptr;
  for (const auto rows : {Locks::rows(), Queues::rows(), Loops::rows(), References::rows()}) {
    for (const Replacement& one : rows) {
      if (name == one.name) return &one;
    }
  }
  return nullptr;
}

const void* library_of(const void* function) noexcept {
  Dl_info info;
  return function != nullptr && dladdr(function, &info) != 0 ? info.dli_fbase : nullptr;
}

// Every module that calls them, instrumented or not: one whose lock is taken by the one and given back by the other.
int follow_calls_of(dl_phdr_info* module, std::size_t /*size*/, void* /*nothing*/) noexcept {
  each_import(*module, imports_of(*module), [&](std::string_view name, void** slot) {
    const Replacement* const replacement = glib_row(name);
    if (replacement == nullptr) return;
    void* const found = dlsym(RTLD_DEFAULT, replacement->name);
    if (found == nullptr || library_of(found) == library_of(slot)) return;
    if (*replacement->real == nullptr) *replacement->real = found;
    if (*replacement->real == found) redirect(*module, slot, replacement->ours);
  });
  return 0;
}

}  // namespace

void follow_glib() noexcept {
  if (dlsym(RTLD_DEFAULT, "g_mutex_lock") != nullptr) dl_iterate_phdr(follow_calls_of, nullptr);
}

}  // namespace vigil::shim
