#include "interpose/lifecycle.hpp"

#include <linux/futex.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>

#include "interpose/current.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/handshake.hpp"
#include "interpose/helper.hpp"
#include "interpose/locks/in_place.hpp"
#include "interpose/log.hpp"
#include "interpose/options.hpp"
#include "interpose/process_info.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/say.hpp"
#include "interpose/signals.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/timeline.hpp"
#include "interpose/ways_out.hpp"

namespace vigil::shim {

constinit std::atomic<Stage> current_stage{Stage::Cold};
constinit std::atomic<std::uint8_t> detail::detours{detail::kAlone | detail::kNotLive | detail::kForwards};
thread_local constinit bool inside_shim __attribute__((tls_model("initial-exec"))) = false;

namespace {

constinit std::atomic<std::uint64_t> skipped{0};  // a statistic: relaxed, no data rides on it

constexpr bool may_move(Stage from, Stage to) noexcept {
  switch (from) {
    case Stage::Cold:
      return to == Stage::Starting || to == Stage::Off;
    case Stage::Starting:
      return to == Stage::Live || to == Stage::Off;
    case Stage::Live:
      return to == Stage::Stopping || to == Stage::Off;
    case Stage::Stopping:
      return to == Stage::Off;
    case Stage::Off:
      return false;
  }
  return false;
}
static_assert(!may_move(Stage::Off, Stage::Live));

// The quick ways may be taken while, and only while, the stage is Live. Whoever leaves Live changes the stage first and
// bars them then; whoever arrives there opens them and looks at the stage once more. Of the two changes of the detours
// one comes first: if it is the opening, they stay barred; if it is the barring, the opening acquires from it, and
// the look sees what barred them. So they never stay open behind Live, however the two are interleaved.
void open_quick_ways() noexcept {
  // release: what Starting set up; acquire: see above.
  detail::detours.fetch_and(static_cast<std::uint8_t>(~detail::kNotLive), std::memory_order_acq_rel);
  if (stage() != Stage::Live) detail::detours.fetch_or(detail::kNotLive, std::memory_order_relaxed);
}
void bar_quick_ways() noexcept { detail::detours.fetch_or(detail::kNotLive, std::memory_order_release); }

bool move(Stage from, Stage to) noexcept {
  // release: publishes what `from` set up; acquire: sees what others did. See current_stage.
  const bool moved = may_move(from, to) && current_stage.compare_exchange_strong(from, to, std::memory_order_acq_rel);
  if (moved && to == Stage::Live) {
    open_quick_ways();
  } else if (moved) {
    bar_quick_ways();
  }
  return moved;
}

// What must be there before the first event. Runs on the first thread that gets here, once.
void start() noexcept {
  if (getauxval(AT_SECURE) != 0) {  // a setuid program: its user must not steer what it loads or writes
    move(Stage::Starting, Stage::Off);
    return;
  }
  remember_stderr();
  real_process();
  take_process_info();
  load_options();
  start_log();
  timeline::start();
  modules_changed();
  watch_ways_out();
  watch_signals();
  race::decide_engine();
  // Where the program calls the sanitizer's start itself, we do not hear of it.
  if (race::engine_mode() == race::EngineMode::Tsan && race::next_entry("__tsan_init") == nullptr) {
    race::bridge::start();
    race::bridge::module_arrived();
  }
  locks::in_place::check();
  move(Stage::Starting, Stage::Live);
  if (log_on(LogLevel::Info)) {
    Line line;
    line << "watching " << process_info().path;
    log_line(LogLevel::Info, line.view());
  }
  answer_handshake();
  if (options().deadline.ns > 0 || options().stall.ns > 0) start_service_thread();
}

}  // namespace

bool ensure_live_slow() noexcept {
  if (move(Stage::Cold, Stage::Starting)) start();
  // Another thread starts the shim: it takes a few hundred microseconds, once.
  while (stage() == Stage::Starting) {
    const timespec moment{0, 50'000};
    raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&moment), 0);
  }
  return stage() == Stage::Live;
}

void go_off(const char* why) noexcept {
  // acq_rel: whoever had published the old stage is seen, and Off is the last word.
  const Stage before = current_stage.exchange(Stage::Off, std::memory_order_acq_rel);
  bar_quick_ways();
  if (before == Stage::Off) return;
  Line line;
  line << "the watching ends here, the program runs on: " << std::string_view(why);
  say(line.view());
}

void go_absent() noexcept {
  current_stage.store(Stage::Off, std::memory_order_release);
  bar_quick_ways();
}

bool begin_stopping() noexcept { return move(Stage::Live, Stage::Stopping); }

void count_skipped() noexcept { skipped.fetch_add(1, std::memory_order_relaxed); }
std::uint64_t skipped_events() noexcept { return skipped.load(std::memory_order_relaxed); }

}  // namespace vigil::shim
