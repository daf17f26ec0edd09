#include "interpose/watch.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <atomic>

#include "interpose/deadlock.hpp"
#include "interpose/end.hpp"
#include "interpose/helper.hpp"
#include "interpose/leaks/patrol.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/look.hpp"
#include "interpose/options.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::watch {
namespace {

constinit std::atomic<bool> started{false};
constinit std::atomic<bool> deadlock_told{false};
constinit std::atomic<std::uint32_t> poked{0};  // futex word: 1 when there is something to look at

constexpr std::int64_t kMomentMs = 30;  // between a poke and the first look, and between the two looks
constexpr std::int64_t kMostPauseMs = 4000;
constexpr int kTries = 8;  // of an unclear picture, each after twice the time: 8 s in all

void sleep_ms(std::int64_t ms) noexcept {
  const timespec time{ms / 1000, ms % 1000 * 1'000'000};
  raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&time), 0);
}

// Patrols meanwhile.
void wait_for_poke(leaks::Patrol& patrol) noexcept {
  // acquire: pairs with the release in poke().
  while (poked.exchange(0, std::memory_order_acquire) == 0) {
    const std::int64_t pause_ms = patrol.pause_ms();
    const timespec time{pause_ms / 1000, pause_ms % 1000 * 1'000'000};
    raw_syscall(SYS_futex, reinterpret_cast<long>(&poked), FUTEX_WAIT_PRIVATE, 0,
                pause_ms < 0 ? 0 : reinterpret_cast<long>(&time), 0, 0);
    if (stage() == Stage::Live && poked.load(std::memory_order_relaxed) == 0) patrol.look();
  }
}

// Sleeps, and looks after suspected rings of lock waits as soon as they had their moment.
void sleep_watching(std::int64_t ms) noexcept {
  for (; ms > 0; ms -= kMomentMs) {
    sleep_ms(std::min(ms, kMomentMs));
    locks::tell_standing_rings();
  }
}

// Looks until the picture is clear: true when it is a deadlock. stranded: see Look.
bool look_until_clear(leaks::Patrol& patrol, std::uint64_t& stranded) noexcept {
  constexpr int kPatientTries = 3;
  std::int64_t pause_ms = kMomentMs;
  for (int i = 0; i < kTries || locks::has_suspects(); ++i) {
    sleep_watching(pause_ms);
    if (i >= kPatientTries) patrol.look();
    const Look first = take_look();
    if (judge(first) == Verdict::Moves) {
      if (!locks::has_suspects()) return false;
      pause_ms = kMomentMs;
      continue;
    }
    sleep_watching(kMomentMs);
    const Verdict verdict = judge(first, take_look());
    stranded = first.stranded_tasks;
    if (verdict != Verdict::Unclear) return verdict == Verdict::Deadlock;
    pause_ms = std::min(2 * pause_ms, kMostPauseMs);
  }
  return false;
}

void run(void* /*context*/) noexcept {
  leaks::Patrol patrol;
  while (true) {
    wait_for_poke(patrol);
    std::uint64_t stranded = 0;
    if (stage() != Stage::Live || !look_until_clear(patrol, stranded) || stage() != Stage::Live) continue;
    locks::tell_final_rings();
    // A ring that was told is why nothing moves: it is not told again under another shape.
    if (!locks::ring_was_told() && !tell_deadlock(stranded)) continue;
    deadlock_told.store(true, std::memory_order_release);  // read by the end, on whatever thread
    end_process(EndKind::Deadlock);
  }
}

}  // namespace

void start() noexcept {
  if (!wants(Kind::Deadlock) || started.exchange(true, std::memory_order_relaxed)) return;
  if (!start_helper(run, nullptr)) started.store(false, std::memory_order_relaxed);
}

void poke() noexcept {
  if (!started.load(std::memory_order_relaxed)) return;
  // release: pairs with wait_for_poke(). Already 1: the helper has not yet come to look at what was told before.
  if (poked.exchange(1, std::memory_order_release) == 0) {
    raw_syscall(SYS_futex, reinterpret_cast<long>(&poked), FUTEX_WAKE_PRIVATE, 1);
  }
}

bool told() noexcept { return deadlock_told.load(std::memory_order_acquire); }

void forked() noexcept {
  started.store(false, std::memory_order_relaxed);
  poked.store(0, std::memory_order_relaxed);
}

}  // namespace vigil::shim::watch
