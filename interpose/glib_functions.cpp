// GLib: what its own documentation says of its locks, queues, pools, main loops and counts. It builds them on futexes
// and atomics inside the library, which is not instrumented. (GRecMutex, GRWLock, GThread and GPrivate are pthread's.)
//
// Instrumented modules' calls get here when they arrive, and with them those of all others that use GLib: what GIO and
// GObject hand on counts, too. Locks are in the order without locks as well, as OpenMP's are: the graph of locks does
// not know them, so that it cannot see that whoever holds one is alone.
//
// Each row of the table at the end names a function and what it means for its object (library_functions.hpp). Not
// followed: what an application or a library does with atomics of its own in modules that are not instrumented.
#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "interpose/instrumented_code.hpp"
#include "interpose/library_functions.hpp"
#include "interpose/library_waits.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/atomics.hpp"

namespace vigil::shim::glib {
namespace {

using namespace library_functions;  // NOLINT(google-build-using-namespace): the words of the table

// For good: who uses it may do so for as long as the program lives.
template <class What>
What* kept(const What& what) noexcept {
  const InsideGuard inside;
  return own_new<What>(what);
}

// ---- main loops ----------------------------------------------------------------------------------------------------

// Stands for all sources of all main loops: who adds one comes before its functions, which the library calls within
// these calls; and who runs a loop after another has, after that.
constinit char sources = 0;

// g_main_context_invoke() may call the function itself.
template <Name kFunction, class Signature>
using Adds = GivesTo<&sources, kFunction, Signature>;
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

// Ends a source, or what it calls: what frees its data is called within, once no loop is inside of its function. What
// the loop did in there is ordered before by the library's lock, and not told.
template <Name kFunction, class Signature>
struct EndsSource;
template <Name kFunction, class Result, class... Given>
struct EndsSource<kFunction, Result(Given...)> : Function<kFunction, Result(Given...)> {
  static Result ours(Given... given) {
    give(&sources);
    const Within here(&library_waits::kAllThatWas);
    return EndsSource::real(given...);
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
std::uintptr_t register_with(RegisterStatic* real, std::uintptr_t parent, const char* name, const TypeInfo& info,
                             int flags) {
  if (info.class_init == nullptr || info.class_finalize != nullptr) return real(parent, name, &info, flags);
  TypeInfo changed = info;
  changed.class_data = kept(Class{info.class_init, info.class_data});
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

// ---- what is kept in order ----------------------------------------------------------------------------------------

// Two items that wait are compared with their queue's lock held, by who puts in a third: after those who put them in,
// and before who takes them out.
using Compare = int(const void*, const void*, void*);
struct Sorting {
  Compare* compare;
  void* data;
  void* queue;
};
int compare_items(const void* one, const void* other, void* given) {
  const Sorting& sorting = *static_cast<const Sorting*>(given);
  take(sorting.queue);
  const int result = sorting.compare(one, other, sorting.data);
  give(sorting.queue);
  return result;
}
template <Name kFunction>
struct PutsInOrder : Function<kFunction, void(void*, void*, Compare*, void*)> {
  static void ours(void* queue, void* item, Compare* compare, void* data) {
    give(queue);
    Sorting sorting{compare, data, queue};
    PutsInOrder::real(queue, item, compare == nullptr ? nullptr : compare_items, &sorting);
  }
};
template <Name kFunction>
struct Sorts : Function<kFunction, void(void*, Compare*, void*)> {
  static void ours(void* queue, Compare* compare, void* data) {
    Sorting sorting{compare, data, queue};
    Sorts::real(queue, compare == nullptr ? nullptr : compare_items, &sorting);
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
struct NewPool : Function<"g_thread_pool_new", void*(PoolBody*, void*, int, int, void**)> {
  static void* ours(PoolBody* body, void* data, int threads, int exclusive, void** error) {
    return real(run_job, kept(Pool{body, data, 0}), threads, exclusive, error);
  }
};
struct NewFullPool : Function<"g_thread_pool_new_full", void*(PoolBody*, void*, void*, int, int, void**)> {
  static void* ours(PoolBody* body, void* data, void* free_item, int threads, int exclusive, void** error) {
    return real(run_job, kept(Pool{body, data, 0}), free_item, threads, exclusive, error);
  }
};
struct PushJob : Function<"g_thread_pool_push", int(void*, void*, void**)> {
  static int ours(void* pool, void* job, void** error) {
    give(pool_of(pool));
    return real(pool, job, error);
  }
};
struct SortJobs : Function<"g_thread_pool_set_sort_function", void(void*, Compare*, void*)> {
  static void ours(void* pool, Compare* compare, void* data) {
    Pool* const known = pool_of(pool);
    if (known == nullptr || compare == nullptr) return real(pool, compare, data);
    real(pool, compare_items, kept(Sorting{compare, data, known}));
  }
};
// Frees what nobody did, by a function of the program's.
struct FreePool : Function<"g_thread_pool_free", void(void*, int, int)> {
  static void ours(void* pool, int immediate, int wait) {
    Pool* const known = pool_of(pool);
    {
      const Within here(known);
      real(pool, immediate, wait);
    }
    if (known != nullptr && wait != 0) take(&known->ends);
  }
};

// ---- all of them ---------------------------------------------------------------------------------------------------

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
          Gives<"g_async_queue_push_front_unlocked", void(void*, void*)>, PutsInOrder<"g_async_queue_push_sorted">,
          PutsInOrder<"g_async_queue_push_sorted_unlocked">, Sorts<"g_async_queue_sort">,
          Sorts<"g_async_queue_sort_unlocked">, Takes<"g_async_queue_pop", void*(void*)>,
          GivesAndTakes<"g_async_queue_pop_unlocked", void*(void*)>, Takes<"g_async_queue_try_pop", void*(void*)>,
          Takes<"g_async_queue_try_pop_unlocked", void*(void*)>,
          Takes<"g_async_queue_timeout_pop", void*(void*, std::uint64_t)>,
          GivesAndTakes<"g_async_queue_timeout_pop_unlocked", void*(void*, std::uint64_t)>,
          Takes<"g_async_queue_timed_pop", void*(void*, void*)>,
          GivesAndTakes<"g_async_queue_timed_pop_unlocked", void*(void*, void*)>,
          Takes<"g_async_queue_remove", int(void*, void*)>, Takes<"g_async_queue_remove_unlocked", int(void*, void*)>,
          Takes<"g_async_queue_lock", void(void*)>, Gives<"g_async_queue_unlock", void(void*)>,
          GivesWithin<"g_async_queue_unref", void(void*)>, NewPool, NewFullPool, PushJob, SortJobs, FreePool>;

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
          Adds<"g_main_context_wakeup", void(void*)>, EndsSource<"g_source_destroy", void(void*)>,
          EndsSource<"g_source_set_callback", void(void*, void*, void*, void*)>,
          EndsSource<"g_source_unref", void(void*)>, EndsSource<"g_source_remove", int(unsigned)>,
          EndsSource<"g_source_remove_by_user_data", int(void*)>,
          EndsSource<"g_source_remove_by_funcs_user_data", int(void*, void*)>,
          EndsSource<"g_idle_remove_by_data", int(void*)>, EndsSource<"g_main_loop_unref", void(void*)>,
          EndsSource<"g_main_context_unref", void(void*)>, Runs<"g_main_loop_run", void(void*)>,
          Runs<"g_main_context_iteration", int(void*, int)>, Runs<"g_main_context_dispatch", void(void*)>,
          Runs<"g_main_context_prepare", int(void*, void*)>, Gives<"g_main_loop_quit", void(void*)>,
          Takes<"g_main_context_acquire", int(void*)>, Gives<"g_main_context_release", void(void*)>>;

using References =
    Table<GivesWithin<"g_object_unref", void(void*)>, GivesWithin<"g_object_set_data", void(void*, const char*, void*)>,
          GivesWithin<"g_object_set_data_full", void(void*, const char*, void*, void*)>,
          GivesWithin<"g_object_set_qdata", void(void*, unsigned, void*)>,
          GivesWithin<"g_object_set_qdata_full", void(void*, unsigned, void*, void*)>,
          Takes<"g_object_get_data", void*(void*, const char*)>, Takes<"g_object_get_qdata", void*(void*, unsigned)>,
          Takes<"g_object_steal_data", void*(void*, const char*)>,
          Takes<"g_object_steal_qdata", void*(void*, unsigned)>, GivesWithin<"g_bytes_unref", void(void*)>,
          GivesWithin<"g_variant_unref", void(void*)>, GivesWithin<"g_array_unref", void(void*)>,
          GivesWithin<"g_ptr_array_unref", void(void*)>, GivesWithin<"g_byte_array_unref", void(void*)>,
          GivesWithin<"g_hash_table_unref", void(void*)>, GivesWithin<"g_closure_unref", void(void*)>,
          GivesWithin<"g_atomic_rc_box_release", void(void*)>,
          GivesWithin<"g_atomic_rc_box_release_full", void(void*, void*)>,
          GivesAndTakes<"g_atomic_ref_count_dec", int(void*)>>;

const Replacement* glib_row(std::string_view name) noexcept {
  return name.starts_with("g_") ? find_row<Locks, Queues, Loops, References>(name) : nullptr;
}

}  // namespace
}  // namespace vigil::shim::glib

namespace vigil::shim {

void follow_glib() noexcept {
  if (dlsym(RTLD_DEFAULT, "g_mutex_lock") != nullptr) library_functions::follow_calls(glib::glib_row);
}

}  // namespace vigil::shim
