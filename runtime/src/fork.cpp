#include "runtime/src/fork.hpp"

#include <pthread.h>

#include "runtime/src/fatal.hpp"
#include "runtime/src/scheduler.hpp"
#include "vigil/panic.hpp"

namespace vigil::detail {
namespace {

// In the child, which has one thread. A worker's stop word keeps it from switching to a task straight away.
void after_fork_in_child() noexcept {
  if (!scheduler().has_workers()) return;
  is_forked.store(true, std::memory_order_relaxed);
  if (ThreadRecord* const self = this_thread_or_null(); self != nullptr)
    self->stop.fetch_or(ThreadRecord::kForked, std::memory_order_relaxed);
}

[[gnu::constructor]] void watch_forks() { pthread_atfork(nullptr, nullptr, &after_fork_in_child); }

}  // namespace

constinit std::atomic<bool> is_forked{false};

void demand_own_workers() {
  if (is_forked.load(std::memory_order_relaxed)) [[unlikely]]
    throw Panic("go in a forked child: its tasks and workers exist in the parent only");
}

void die_of_waiting_in_child() noexcept {
  fatal("a forked child would wait for ever: its tasks and workers exist in the parent only");
}

}  // namespace vigil::detail
