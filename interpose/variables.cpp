#include "interpose/variables.hpp"

#include <atomic>

#include "interpose/code/reach.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/race/engine_start.hpp"
#include "interpose/race/known_variables.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/vector_clock.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/stacks/modules.hpp"

namespace vigil::shim::variables {
namespace {

// What the initialisers of static variables had done when they were done.
struct Initialised {
  FutexLock lock;
  race::SyncClock past;  // guarded by lock
};
Initialised& initialised() noexcept {
  static constinit std::atomic<Initialised*> made{nullptr};
  Initialised* known = made.load(std::memory_order_acquire);  // pairs with the exchange below
  if (known != nullptr) return *known;
  auto* const fresh = own_new<Initialised>();
  if (made.compare_exchange_strong(known, fresh, std::memory_order_acq_rel)) return *fresh;
  own_delete(fresh);
  return *known;
}

// Whether they are watched; from the first on.
bool are_watched() noexcept {
  if (race::engine_watches_variables()) [[likely]]
    return true;
  bool there = false;
  record([&] { there = race::start_for_variables(); });
  return there;
}

}  // namespace

// Plain code tests a guard without a call: that it learns what the initialiser did is not seen, only that it may have.
// Instrumented code tests it by an atomic load, which says whom it orders after the initialiser.
bool may_be_ordered_by_initialisation(race::Epoch older) noexcept {
  if (race::engine_is_native()) return false;
  Initialised& known = initialised();
  known.lock.lock();
  const bool ordered = race::happened_before(older, known.past);
  known.lock.unlock();
  return ordered;
}

void make(std::uintptr_t address, std::size_t size) noexcept {
  if (!are_watched()) return;
  race::forget_variable(address, size);
  record([&] { race::variable_made(address, size, capture_stack()); });
}

void destroy(std::uintptr_t address, std::size_t size) noexcept {
  if (!race::engine_watches_variables()) return;
  record([&] { race::variable_gone(address); });
  race::forget_variable(address, size);
}

void read(std::uintptr_t address, std::size_t size) noexcept {
  if (are_watched()) race::variable_read(address, size);
}

void write(std::uintptr_t address, std::size_t size) noexcept {
  if (are_watched()) race::variable_write(address, size);
}

void static_initialised(Actor& actor, std::uintptr_t pc) noexcept {
  if ((order::needs() & order::kWhole) == 0 || race::engine_is_native()) return;
  // The program's two sides do not meet by what a library keeps for itself.
  if (code::is_of_the_system(module_at(pc))) return;
  Initialised& known = initialised();
  known.lock.lock();
  race::release_merge(order::whole(actor.clocks), known.past);
  known.lock.unlock();
}

}  // namespace vigil::shim::variables
