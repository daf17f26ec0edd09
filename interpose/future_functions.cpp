// What instrumented code gets in place of libstdc++'s function behind promise::set_value_at_thread_exit() and its kin
// (instrumented_code.hpp): the thread makes the state ready when its thread_local variables are gone, by an atomic of
// libstdc++'s own. Whoever finds it ready tests it by an atomic of his.
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "interpose/instrumented_code.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim {
namespace {

// As libstdc++'s ABI has them since g++ 5: <future>, <bits/shared_ptr_base.h>, <condition_variable>.
struct Counts {
  void (**functions)(Counts*);
  int uses;
  int weak_uses;
};
constexpr std::size_t kDispose = 2;  // of the functions, behind two destructors
constexpr std::size_t kDestroy = 3;
struct State {
  void* table;
  void* result;
  unsigned status;
};
struct MakeReady {
  MakeReady* next;
  void (*run)(void*);
  State* state;
  Counts* counts;
};
static_assert(offsetof(State, status) == 2 * sizeof(void*) && sizeof(MakeReady) == 4 * sizeof(void*));

// relaxed: every thread is given the same.
constinit std::atomic<void (*)(void*)> real_run{nullptr};
// Holds the state while libstdc++ uses it, so that whoever drops it last does so by what is seen.
bool took(Counts* counts) noexcept {
  int uses = counts != nullptr ? __atomic_load_n(&counts->uses, __ATOMIC_RELAXED) : 0;
  while (uses != 0) {
    if (__atomic_compare_exchange_n(&counts->uses, &uses, uses + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      return true;
  }
  return false;
}
void drop(Counts* counts) {
  race::atomics::released_into(address_of(&counts->uses), sizeof(counts->uses));
  if (__atomic_fetch_sub(&counts->uses, 1, __ATOMIC_ACQ_REL) != 1) return;
  race::atomics::acquired_from(address_of(&counts->uses), sizeof(counts->uses));
  counts->functions[kDispose](counts);
  if (__atomic_fetch_sub(&counts->weak_uses, 1, __ATOMIC_ACQ_REL) == 1) counts->functions[kDestroy](counts);
}

void make_ready(void* given) {
  const MakeReady mine = *static_cast<const MakeReady*>(given);  // it goes
  const bool lives = took(mine.counts);
  if (lives) race::atomics::released_into(address_of(&mine.state->status), sizeof(mine.state->status));
  real_run.load(std::memory_order_relaxed)(given);
  if (lives) drop(mine.counts);
}

void (*real_set)(MakeReady*) = nullptr;
void my_set(MakeReady* wanted) {
  real_set(wanted);
  real_run.store(wanted->run, std::memory_order_relaxed);
  wanted->run = make_ready;
}

const Replacement kAll[] = {
    {"_ZNSt13__future_base13_State_baseV211_Make_ready6_M_setEv", reinterpret_cast<void*>(my_set),
     reinterpret_cast<void**>(&real_set)},
};

}  // namespace

std::span<const Replacement> future_replacements() noexcept { return kAll; }

}  // namespace vigil::shim
