// What the detectors do at the end of the program (end.hpp), in order: findings first, records after.
#include "interpose/channel_use.hpp"
#include "interpose/end.hpp"
#include "interpose/leaks/leak_scan.hpp"
#include "interpose/life/abandoned_contexts.hpp"
#include "interpose/life/at_exit.hpp"
#include "interpose/locks/held_while_blocked.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/locks/long_blocks.hpp"
#include "interpose/objects.hpp"
#include "interpose/race/race_report.hpp"
#include "interpose/state.hpp"
#include "interpose/task_dump.hpp"
#include "interpose/watch.hpp"

namespace vigil::shim {
void detectors_before_end() noexcept {
  if (!watch::told()) at_exit::settle();
}

void detectors_at_end(EndKind kind) noexcept {
  expect_broken_locks();  // even a normal end may come from inside something of ours, under halt_on_error
  write_task_counts();    // the cheapest first: a dying process may not get further
  race::tell_counted_races();
  if (is_normal(kind)) {
    if (!watch::told()) {
      at_exit::tell_running();
      at_exit::tell_cancelled();
      locks::tell_final_rings();
      leaks::report_leaks();
      abandoned_contexts::tell();
    }
    channel_use::tell_items_left();
  } else if (kind != EndKind::Deadlock) {
    leaks::report_proved_leaks();
    write_state();
  }
  if (watch::told()) locks::tell_held_while_blocked();
  locks::tell_long_waits();
  locks::write_lock_order();
}

void dump_tasks() noexcept { print_task_dump(); }

}  // namespace vigil::shim
