#include "interpose/schedule.hpp"

#include "interpose/actor.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/objects.hpp"
#include "interpose/options.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/say.hpp"

namespace vigil::shim::schedule {

namespace {

constinit std::atomic<bool> random{false};  // relaxed: set before the first task

// Others would block the runtime's only worker on a lock of pthread, so nobody is made to wait while it holds one.
int may_switch(vigil_probe_actor* /*actor*/) {
  bool may = true;
  record([&] {
    for (const locks::HeldLock& held : current_actor().held.live())
      may = may && held.object->family != LockFamily::Pthread;
  });
  return may ? 1 : 0;
}

}  // namespace

void hand_over() noexcept {
  if (options().schedule != Schedule::Random) return;
  const vigil_probe_runtime* const table = runtime();
  if (table == nullptr || !has(*table, &vigil_probe_runtime::step_aside) ||
      table->set_schedule(VIGIL_SCHEDULE_RANDOM, options().seed, &may_switch) == 0) {
    say("this program's libvigil.so cannot run tasks in random order; they run in the normal one");
    return;
  }
  random.store(true, std::memory_order_relaxed);
}

void step_aside() noexcept {
  if (random.load(std::memory_order_relaxed)) runtime()->step_aside();
}

}  // namespace vigil::shim::schedule
