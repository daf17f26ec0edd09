// Mutex. The state word, as in Go's sync.Mutex (internal/sync/mutex.go, whose idea this follows):
//   kLocked   somebody has it
//   kWaiting  the queue is not empty; changed under queue_lock_ only
//   kWoken    somebody woken is on the way to try again: an unlock need not wake another
//   kStarving somebody in the queue is to get the lock handed over: an unlock goes to the queue, announced spinner or
//   not
// A woken waiter competes with newcomers, which are running and usually win: that is fast. One that has lost for longer
// than kPatienceNs asks for the lock to be handed over: that is fair.
#include "vigil/mutex.hpp"

#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"
#include "runtime/src/turns.hpp"
#include "vigil/panic.hpp"

namespace vigil {
namespace {

constexpr std::uint32_t kLocked = 1;
constexpr std::uint32_t kWaiting = 2;
constexpr std::uint32_t kWoken = 4;
constexpr std::uint32_t kStarving = 8;
constexpr std::uint64_t kPatienceNs = 1'000'000;
constexpr int kSpins = 4;  // tries before parking, of kSpinPauses each: about 1 us, less than parking costs
constexpr int kSpinPauses = 30;

using detail::who;
using detail::who_acts;

}  // namespace

Mutex::~Mutex() { vigil_probe_lock_destroy(this, (state_.load(std::memory_order_relaxed) & kLocked) != 0 ? 1 : 0); }

bool Mutex::try_lock_outlined() {
  detail::choice_point();
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  while ((seen & kLocked) == 0) {
    // acquire: pairs with the release of unlock(), here and below.
    if (state_.compare_exchange_weak(seen, seen | kLocked, std::memory_order_acquire, std::memory_order_relaxed)) {
      vigil_probe_lock_taken(who_acts(), this, VIGIL_LOCK_EXCLUSIVE | VIGIL_LOCK_TRIED);
      return true;
    }
  }
  static_cast<void>(who_acts());
  return false;
}

void Mutex::lock_outlined() {
  detail::choice_point();
  std::uint32_t free = 0;
  if (!state_.compare_exchange_strong(free, kLocked, std::memory_order_acquire, std::memory_order_relaxed)) lock_slow();
  vigil_probe_lock_taken(who_acts(), this, VIGIL_LOCK_EXCLUSIVE);
}

// Spins while the holder is likely to be running elsewhere. `announced`: the caller owns kWoken; it is set here when
// others wait, so that unlock() does not wake them into a race that this spinner is about to win, and it goes with the
// lock.
bool Mutex::spin(bool& announced) noexcept {
  if (detail::scheduler().max_procs() == 1) return false;
  for (int round = 0; round < kSpins; ++round) {
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    if ((seen & kLocked) == 0) {
      const std::uint32_t wanted = (seen | kLocked) & ~(announced ? kWoken : 0);
      if (state_.compare_exchange_strong(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    } else if (!announced && (seen & kWaiting) != 0 && (seen & kWoken) == 0) {
      // relaxed: it only keeps an unlock from waking somebody.
      announced =
          state_.compare_exchange_strong(seen, seen | kWoken, std::memory_order_relaxed, std::memory_order_relaxed);
    }
    for (int i = 0; i < kSpinPauses; ++i) detail::cpu_relax();
  }
  return false;
}

void Mutex::lock_slow() {
  bool announced = false;
  if (spin(announced)) return;
  detail::Inside inside;
  detail::SpinLock& queue_lock = detail::SpinLock::of(queue_lock_);
  std::uint64_t waiting_since = 0;
  for (bool first = true;; first = false) {
    queue_lock.lock();
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    for (;;) {
      const bool take = (seen & kLocked) == 0;
      const std::uint32_t wanted = (seen | (take ? kLocked : kWaiting)) & ~(announced ? kWoken : 0);
      if (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed)) continue;
      if (!take) break;
      queue_lock.unlock();
      return;
    }
    detail::Waiter waiter{.actor = &inside.actor()};
    detail::WaitQueue queue(waiting_);
    // kStarving is set together with the waiter's place in the queue: an unlock that sees it waits for queue_lock.
    if (first) {
      queue.push_back(waiter);
    } else {  // has waited before: keeps its place
      const std::uint64_t now = detail::now_ns();
      if (waiting_since == 0) waiting_since = now;  // not read before the first park: parking reads no clock
      waiter.hand_over = detail::is_choosing() ? detail::turns().below(2) == 1 : now - waiting_since > kPatienceNs;
      if (waiter.hand_over) state_.fetch_or(kStarving, std::memory_order_relaxed);
      queue.push_front(waiter);
    }
    detail::wait_for_object(inside.actor(), VIGIL_WAIT_MUTEX, this);
    vigil_probe_lock_wait(inside.probe(), this, VIGIL_LOCK_EXCLUSIVE);
    detail::park(inside, detail::unlock_after(queue_lock));
    if (waiter.satisfied) return;
    announced = true;  // who woke us has set kWoken for us
    inside.record().leave();
    const bool taken = spin(announced);
    inside.record().enter();
    if (taken) return;
  }
}

void Mutex::unlock_outlined() {
  detail::choice_point();
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  if ((seen & kLocked) == 0) {
    vigil_probe_lock_misuse(who(), this, VIGIL_LOCK_EXCLUSIVE);
    throw Panic("unlock of unlocked mutex");
  }
  vigil_probe_lock_release(who(), this, VIGIL_LOCK_EXCLUSIVE);
  for (;;) {
    if ((seen & kLocked) == 0) {  // another unlock came between: both were called, only one lock was held
      vigil_probe_lock_misuse(who(), this, VIGIL_LOCK_EXCLUSIVE);
      throw Panic("unlock of unlocked mutex");
    }
    if ((seen & kWaiting) != 0 && (seen & (kWoken | kStarving)) != kWoken) {
      unlock_slow();
      return;
    }
    if (state_.compare_exchange_weak(seen, seen & ~kLocked, std::memory_order_release, std::memory_order_relaxed))
      return;
  }
}

void Mutex::unlock_slow() {
  detail::Inside inside;
  detail::Waiter* woken = nullptr;
  {
    const detail::SpinGuard held(detail::SpinLock::of(queue_lock_));
    detail::WaitQueue queue(waiting_);
    woken = queue.pop();
    const bool hand_over = woken != nullptr && woken->hand_over;
    const bool next_starves = !queue.empty() && waiting_.first->hand_over;
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    std::uint32_t wanted = 0;
    do {
      wanted = queue.empty() ? seen & ~(kWaiting | kStarving) : seen;
      if (hand_over && !next_starves) wanted &= ~kStarving;
      if (!hand_over) wanted &= ~kLocked;
      if (woken != nullptr && !hand_over) wanted |= kWoken;
    } while (!state_.compare_exchange_weak(seen, wanted, std::memory_order_release, std::memory_order_relaxed));
    if (hand_over) woken->satisfied = true;
  }
  if (woken != nullptr) detail::wake(inside.record(), *woken);
}

}  // namespace vigil
