// oneTBB, by which g++'s std::execution::par runs, too: what instrumented code gets in place of the functions by which
// a task goes to the library and a wait returns from it (instrumented_code.hpp). How a task gets from one thread to
// another, and the memory of one task to the next, happens inside the library, which is not instrumented. What its
// documentation says is that who gives a task comes before its body, and the bodies before the end of a wait for them.
//
// A task's body is a virtual function, which the library calls. While a task is the library's its table of virtual
// functions is one of ours, whose functions give the task its own table back, then acquire what who gave it has
// released, and go on as the task would have. The bodies' ends are counted in the headers, by atomics of the
// instrumented code, and who waits acquires from that counter. All is as precise as the program's own words.
//
// Not followed: the tokens of parallel_pipeline(), tasks that are suspended, and what a function that an arena runs on
// another thread did before it threw.
#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "interpose/futex_lock.hpp"
#include "interpose/imports.hpp"
#include "interpose/instrumented_code.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim {
namespace {

// As oneTBB's ABI has them since 2021 (libtbb.so.12): <oneapi/tbb/detail/_task.h>, <.../_utils.h>.
using Function = void*;
struct Task {
  Function* table;
};
struct Delegate {
  Function* table;
};
struct WaitContext {
  std::uint64_t version;
  std::uint64_t references;
};
constexpr std::size_t kHead = 2;  // before a table's first function: an offset, the type
constexpr std::size_t kExecute = 2;
constexpr std::size_t kCancel = 3;
constexpr std::size_t kFunctions = 4;  // the first two destroy

// ---- tasks ---------------------------------------------------------------------------------------------------------

// What stands in for the table of one type of tasks. Made once for each, and never given back: a task may have it.
struct StandIn {
  Function* own = nullptr;
  std::array<Function, kHead + kFunctions> entries{};
};
StandIn& of_table(Function* entries) noexcept {
  return *reinterpret_cast<StandIn*>(reinterpret_cast<char*>(entries - kHead) - offsetof(StandIn, entries));
}

// Runs that function of a task's own, with all behind it that its giver did.
template <std::size_t kFunction>
Task* run(Task* task, void* data) {
  Function* const own = of_table(task->table).own;
  task->table = own;
  if (sync_events::watching()) {
    sync_events::acquired(task);
    sync_events::destroyed(task);
  }
  return reinterpret_cast<Task* (*)(Task*, void*)>(own[kFunction])(task, data);
}

constinit FutexLock lock;
constinit OwnMap<Function*, StandIn*>* stand_ins = nullptr;  // by the type's own table; guarded by lock

StandIn& stand_in_of(Function* own) noexcept {
  const InsideGuard inside;
  lock.lock();
  if (stand_ins == nullptr) stand_ins = own_new<OwnMap<Function*, StandIn*>>();
  StandIn*& known = (*stand_ins)[own];
  if (known == nullptr) known = own_new<StandIn>();
  StandIn& it = *known;
  if (it.own == nullptr) {
    it.own = own;
    std::copy_n(own - kHead, it.entries.size(), it.entries.begin());
    it.entries[kHead + kExecute] = reinterpret_cast<Function>(run<kExecute>);
    it.entries[kHead + kCancel] = reinterpret_cast<Function>(run<kCancel>);
  }
  lock.unlock();
  return it;
}

// The task is the library's from here on.
void give(Task* task) noexcept {
  if (!sync_events::watching()) return;  // threads to come know all that was done until now
  sync_events::released(task);
  task->table = stand_in_of(task->table).entries.data() + kHead;
}

void (*real_spawn)(Task*, void*) = nullptr;
void my_spawn(Task* task, void* context) {
  give(task);
  real_spawn(task, context);
}
void (*real_spawn_to)(Task*, void*, std::uint16_t) = nullptr;
void my_spawn_to(Task* task, void* context, std::uint16_t slot) {
  give(task);
  real_spawn_to(task, context, slot);
}
void (*real_submit)(Task*, void*, void*, std::uintptr_t) = nullptr;
void my_submit(Task* task, void* context, void* arena, std::uintptr_t is_critical) {
  give(task);
  real_submit(task, context, arena, is_critical);
}
void (*real_enqueue)(Task*, void*) = nullptr;
void my_enqueue(Task* task, void* arena) {
  give(task);
  real_enqueue(task, arena);
}
void (*real_enqueue_in)(Task*, void*, void*) = nullptr;
void my_enqueue_in(Task* task, void* context, void* arena) {
  give(task);
  real_enqueue_in(task, context, arena);
}

// ---- waits ---------------------------------------------------------------------------------------------------------

void waited_for(const WaitContext* context) noexcept {
  race::atomics::acquired_from(reinterpret_cast<std::uintptr_t>(&context->references), sizeof(context->references));
}

// A wait that this thread is in; or, without a context, an errand (below) that it waits for.
struct Waiting {
  const WaitContext* context;
  Waiting* outer;
};
thread_local constinit Waiting* innermost __attribute__((tls_model("initial-exec"))) = nullptr;

template <class Wait>
void wait_for(const WaitContext* context, Wait&& wait) {
  Waiting here{context, innermost};
  innermost = &here;
  wait();
  innermost = here.outer;
  waited_for(context);
}
void (*real_wait)(WaitContext*, void*) = nullptr;
void my_wait(WaitContext* context, void* group) {
  wait_for(context, [&] { real_wait(context, group); });
}
void (*real_execute_and_wait)(Task*, void*, WaitContext*, void*) = nullptr;
void my_execute_and_wait(Task* task, void* group, WaitContext* context, void* waiting_group) {
  wait_for(context, [&] { real_execute_and_wait(task, group, context, waiting_group); });
}

// What a body threw the library throws out of the innermost wait when that is over, by std::rethrow_exception().
// Nothing of the shim is told when an exception leaves it, so the library's own import of that function is changed.
constexpr std::string_view kRethrow = "_ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE";
using Rethrow = void(void*);
constinit Rethrow* real_rethrow = nullptr;
void my_rethrow(void* exception) {
  if (const Waiting* const left = innermost; left != nullptr) {
    innermost = left->outer;
    if (left->context != nullptr) waited_for(left->context);
  }
  real_rethrow(exception);
}

bool has_code_at(const dl_phdr_info& module, std::uintptr_t address) noexcept {
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = module.dlpi_phdr[i];
    if (part.p_type == PT_LOAD && address - module.dlpi_addr - part.p_vaddr < part.p_memsz) return true;
  }
  return false;
}
int look_at(dl_phdr_info* module, std::size_t /*size*/, void* of_library) noexcept {
  if (!has_code_at(*module, reinterpret_cast<std::uintptr_t>(of_library))) return 0;
  each_import(*module, imports_of(*module), [&](std::string_view name, void** slot) {
    if (name == kRethrow) redirect(*module, slot, reinterpret_cast<void*>(my_rethrow));
  });
  return 1;
}

// ---- arenas --------------------------------------------------------------------------------------------------------

// Stands in for what an arena is to run, on this thread or on another, before who asked for it goes on.
struct Errand {
  Function* table;
  const Delegate* wanted;
  Waiting waiting;
};
bool run_errand(const Errand* errand) {
  // On the thread that waits for it: what it throws leaves it there, by no one else's throw.
  if (innermost == &errand->waiting) innermost = errand->waiting.outer;
  const Delegate* const wanted = errand->wanted;
  if (sync_events::watching()) sync_events::acquired(errand);
  const bool result = reinterpret_cast<bool (*)(const Delegate*)>(wanted->table[0])(wanted);
  if (sync_events::watching()) sync_events::released(errand);
  return result;
}
void destroy_nothing(const Errand* /*errand*/) {}
constinit std::array<Function, kHead + 3> errand_table{};

void (*real_execute)(void*, Delegate*) = nullptr;
void my_execute(void* arena, Delegate* wanted) {
  const auto run_it = reinterpret_cast<Function>(run_errand);
  const auto destroy = reinterpret_cast<Function>(destroy_nothing);
  errand_table = {nullptr, nullptr, run_it, destroy, destroy};  // whoever writes it writes the same
  Errand errand{errand_table.data() + kHead, wanted, {nullptr, innermost}};
  innermost = &errand.waiting;
  if (sync_events::watching()) sync_events::released(&errand);
  real_execute(arena, reinterpret_cast<Delegate*>(&errand));
  innermost = errand.waiting.outer;
  if (!sync_events::watching()) return;
  sync_events::acquired(&errand);
  sync_events::destroyed(&errand);
}

// ---- memory --------------------------------------------------------------------------------------------------------

// Fresh memory, whoever had it before.
void* is_new(void* block, std::size_t bytes) noexcept {
  if (block != nullptr) race::forget(reinterpret_cast<std::uintptr_t>(block), bytes);
  return block;
}

void* (*real_allocate)(void*, std::size_t) = nullptr;
void* my_allocate(void* pool, std::size_t bytes) { return is_new(real_allocate(pool, bytes), bytes); }
void* (*real_allocate_in)(void*, std::size_t, const void*) = nullptr;
void* my_allocate_in(void* pool, std::size_t bytes, const void* data) {
  return is_new(real_allocate_in(pool, bytes, data), bytes);
}
enum class Memory : std::uint8_t { Usual, OfCacheLines, Scalable };
template <Memory kWhich>
void* (*real_memory)(std::size_t) = nullptr;
template <Memory kWhich>
void* my_memory(std::size_t bytes) {
  return is_new(real_memory<kWhich>(bytes), bytes);
}
void* (*real_scalable_calloc)(std::size_t, std::size_t) = nullptr;
void* my_scalable_calloc(std::size_t count, std::size_t size) {
  return is_new(real_scalable_calloc(count, size), count * size);
}
void* (*real_scalable_aligned)(std::size_t, std::size_t) = nullptr;
void* my_scalable_aligned(std::size_t bytes, std::size_t alignment) {
  return is_new(real_scalable_aligned(bytes, alignment), bytes);
}

const Replacement kTbb[] = {
    {"_ZN3tbb6detail2r15spawnERNS0_2d14taskERNS2_18task_group_contextE", reinterpret_cast<void*>(my_spawn),
     reinterpret_cast<void**>(&real_spawn)},
    {"_ZN3tbb6detail2r15spawnERNS0_2d14taskERNS2_18task_group_contextEt", reinterpret_cast<void*>(my_spawn_to),
     reinterpret_cast<void**>(&real_spawn_to)},
    {"_ZN3tbb6detail2r16submitERNS0_2d14taskERNS2_18task_group_contextEPNS1_5arenaEm",
     reinterpret_cast<void*>(my_submit), reinterpret_cast<void**>(&real_submit)},
    {"_ZN3tbb6detail2r17enqueueERNS0_2d14taskEPNS2_15task_arena_baseE", reinterpret_cast<void*>(my_enqueue),
     reinterpret_cast<void**>(&real_enqueue)},
    {"_ZN3tbb6detail2r17enqueueERNS0_2d14taskERNS2_18task_group_contextEPNS2_15task_arena_baseE",
     reinterpret_cast<void*>(my_enqueue_in), reinterpret_cast<void**>(&real_enqueue_in)},
    {"_ZN3tbb6detail2r14waitERNS0_2d112wait_contextERNS2_18task_group_contextE", reinterpret_cast<void*>(my_wait),
     reinterpret_cast<void**>(&real_wait)},
    {"_ZN3tbb6detail2r116execute_and_waitERNS0_2d14taskERNS2_18task_group_contextERNS2_12wait_contextES6_",
     reinterpret_cast<void*>(my_execute_and_wait), reinterpret_cast<void**>(&real_execute_and_wait)},
    {"_ZN3tbb6detail2r17executeERNS0_2d115task_arena_baseERNS2_13delegate_baseE", reinterpret_cast<void*>(my_execute),
     reinterpret_cast<void**>(&real_execute)},
    {"_ZN3tbb6detail2r18allocateERPNS0_2d117small_object_poolEm", reinterpret_cast<void*>(my_allocate),
     reinterpret_cast<void**>(&real_allocate)},
    {"_ZN3tbb6detail2r18allocateERPNS0_2d117small_object_poolEmRKNS2_14execution_dataE",
     reinterpret_cast<void*>(my_allocate_in), reinterpret_cast<void**>(&real_allocate_in)},
    {"_ZN3tbb6detail2r115allocate_memoryEm", reinterpret_cast<void*>(my_memory<Memory::Usual>),
     reinterpret_cast<void**>(&real_memory<Memory::Usual>)},
    {"_ZN3tbb6detail2r122cache_aligned_allocateEm", reinterpret_cast<void*>(my_memory<Memory::OfCacheLines>),
     reinterpret_cast<void**>(&real_memory<Memory::OfCacheLines>)},
    {"scalable_malloc", reinterpret_cast<void*>(my_memory<Memory::Scalable>),
     reinterpret_cast<void**>(&real_memory<Memory::Scalable>)},
    {"scalable_calloc", reinterpret_cast<void*>(my_scalable_calloc), reinterpret_cast<void**>(&real_scalable_calloc)},
    {"scalable_aligned_malloc", reinterpret_cast<void*>(my_scalable_aligned),
     reinterpret_cast<void**>(&real_scalable_aligned)},
};

}  // namespace

std::span<const Replacement> tbb_replacements() noexcept { return kTbb; }

void follow_tbb() noexcept {
  void* const of_library =
      real_wait != nullptr ? reinterpret_cast<void*>(real_wait) : reinterpret_cast<void*>(real_execute_and_wait);
  if (of_library == nullptr) return;
  if (real_rethrow == nullptr) real_rethrow = reinterpret_cast<Rethrow*>(dlsym(RTLD_DEFAULT, kRethrow.data()));
  if (real_rethrow != nullptr) dl_iterate_phdr(look_at, of_library);
}

}  // namespace vigil::shim
