#include "interpose/ways_out.hpp"

#include <pthread.h>
#include <stdlib.h>

#include <atomic>
#include <cstdint>

#include "interpose/descriptors.hpp"
#include "interpose/end.hpp"
#include "interpose/helper.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory_fork.hpp"
#include "interpose/process_info.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/tasks_server.hpp"
#include "interpose/threads.hpp"
#include "interpose/watch.hpp"
#include "interpose/writer_state.hpp"

extern "C" int __cxa_at_quick_exit(void (*function)(void*), void* dso);

namespace vigil::shim {
namespace {

constinit std::atomic<int> quick_status{0};  // relaxed: written and read by the thread that calls quick_exit

void at_exit(int status, void* /*unused*/) {
  const int wanted = run_end(EndKind::Exit, status, 0);
  // exit() inside an exit handler goes on where it was, with the new status: what is left is flushing stdio.
  if (wanted != status) exit(wanted);
}

void at_quick_exit_end(void* /*unused*/) {
  const int status = quick_status.load(std::memory_order_relaxed);
  const int wanted = run_end(EndKind::Exit, status, 0);
  if (wanted != status) real_process().exit_now(wanted);
}

// ---- fork ----

// On the forking thread, from before to after the fork. While it is prepared the thread counts as inside: other
// libraries' handlers run then, too (jemalloc's make their mutexes anew), and what they would tell needs the locks that
// are held for the fork.
struct ForkPlan {
  bool prepared = false;
  bool child_may_watch = false;
};
thread_local constinit ForkPlan plan __attribute__((tls_model("initial-exec")));

void before_fork() {
  descriptors::child_begins();
  plan = {};
  if (inside_shim || stage() != Stage::Live || !in_own_process()) return;
  plan.prepared = true;
  // Alone but for the service thread, which holds nothing but the locks taken here, and the tasks server while it
  // waits: the child is a whole process of its own. Otherwise threads are missing in it whose locks, clocks and tasks
  // we know: it may only exec or exit.
  const std::size_t harmless = tasks_server::is_idle() ? 2 : 1;
  plan.child_may_watch = helper_count() <= harmless && kernel_threads().size() - helper_count() == 1;
  lock_writer_for_fork();
  lock_own_memory_for_fork();
  inside_shim = true;
}

void after_fork_in_parent() {
  if (!plan.prepared) return;
  unlock_own_memory_after_fork();
  unlock_writer_after_fork();
  inside_shim = false;
}

void begin_in_child() {
  forget_helpers_after_fork();
  forget_parent_records();
  if (!plan.child_may_watch) {
    race::engine_absent();
    return go_absent();
  }
  race::engine_forked();
  // No deadline in the child: it is the parent's, and most children exec at once.
  refresh_process_info_after_fork();
  reset_end_after_fork();
  threads_forked();
  watch::forked();
  tasks_server::forked();
}

void after_fork_in_child() {
  if (!plan.prepared) return;
  unlock_own_memory_after_fork();
  unlock_writer_after_fork();
  begin_in_child();
  inside_shim = false;
}

}  // namespace

void watch_ways_out() noexcept {
  on_exit(at_exit, nullptr);
  __cxa_at_quick_exit(at_quick_exit_end, nullptr);
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void expect_quick_exit(int status) noexcept { quick_status.store(status, std::memory_order_relaxed); }

}  // namespace vigil::shim
