// ThreadRecord: what the runtime keeps per OS thread, a worker or a plain thread; and Inside, the door through which
// every operation enters, so that a watcher can stop the runtime between operations.
//
// Stopping is asymmetric, because it is rare and entering is not: a thread stores busy, then reads stop, without a
// fence; who stops stores stop, makes every running thread of the process execute a fence (membarrier), then reads
// busy. So either the thread sees the stop, or the stopper sees it busy and waits. Invariants:
//   I1  while busy is 0 the thread changes no parked actor, no run queue and no wait queue.
//   I2  records are never freed: a plain thread's is used again by another thread once it has ended.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/src/actor.hpp"
#include "runtime/src/futex.hpp"
#include "runtime/src/patience.hpp"
#include "runtime/src/spin_lock.hpp"

namespace vigil::detail {

class Worker;

// Written by one thread, read by any: no read-modify-write needed.
class Counter {
 public:
  void add_one() noexcept { value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  // acquire, with the release above: counts read in the order of watch.cpp never show a task that moves as parked.
  [[nodiscard]] std::uint64_t read() const noexcept { return value_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) ThreadRecord {
  static constexpr std::uint32_t kPaused = 1;   // a watcher has paused the runtime
  static constexpr std::uint32_t kClaimed = 2;  // another worker takes something out of this one's hands
  static constexpr std::uint32_t kRetire =
      4;  // this worker is one too many; looked at when it schedules, not in enter()
  static constexpr std::uint32_t kStandIn = 32;  // another worker stands in for this one; looked at as kRetire
  static constexpr std::uint32_t kForked = 16;   // this is a child's only thread, see fork.hpp
  static constexpr std::uint32_t kChoosing = 8;  // a source decides the schedule: each enter() is a choice point

  std::atomic<std::uint32_t> busy{0};
  std::atomic<std::uint32_t> stop{0};
  Actor* actor = nullptr;                   // who runs on this thread
  Worker* worker = nullptr;                 // null on a plain thread
  Counter started, finished, parks, wakes;  // of tasks, done by this thread
  std::uint64_t random_state = 0;
  ThreadRecord* next_record = nullptr;  // all records; set once, before the record is published

  void enter() noexcept {
    busy.store(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // the stopper's membarrier makes it a real one
    // acquire: pairs with the releases that end a stop, so that what the stopper read is not overwritten too early.
    if ((stop.load(std::memory_order_acquire) & (kPaused | kClaimed | kChoosing)) != 0) [[unlikely]]
      enter_slow();
  }
  // Not a choice point: what follows concerns nobody else.
  void enter_quietly() noexcept {
    busy.store(1, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // as above
    if ((stop.load(std::memory_order_acquire) & (kPaused | kClaimed)) != 0) [[unlikely]]
      wait_at_door();
  }
  // Each operation of a task counts: one that goes on and on without parking must not starve those that wait for its
  // worker. Inside or not.
  void count_operation() noexcept {
    if (++operations_ % kOperationsPerLook == 0) [[unlikely]]
      look_at_long_run();
  }
  // release: pairs with the stopper's acquire of busy, which then reads what this thread did.
  void leave() noexcept { busy.store(0, std::memory_order_release); }

  std::uint32_t random() noexcept {  // xorshift64*, Marsaglia 2003, Vigna 2016: enough for choosing among ready cases
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return static_cast<std::uint32_t>((random_state * 2685821657736338717U) >> 32);
  }
  // 0 .. bound - 1, without bias that a test could see (Lemire's multiply-shift).
  std::uint32_t random_below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{random()} * bound) >> 32);
  }

 private:
  static constexpr std::uint32_t kOperationsPerLook = 1024;
  void enter_slow() noexcept;
  void wait_at_door() noexcept;
  void look_at_long_run() noexcept;

  std::uint32_t operations_ = 0;
};

// A plain thread's part in Turns (turns.hpp), guarded by its lock.
enum class TurnState : std::uint8_t {
  Outside,  // takes no part: it waits, or has not used a primitive since its turn was taken from it
  Ready,    // waits for its turn
  Owner,    // has the turn
};
struct TurnPlace {
  FutexWord granted{0};  // 1: it has the turn
  TurnState state = TurnState::Outside;
  bool arriving = false;     // who woke it has made it ready; it has not noticed yet
  std::uint64_t number = 0;  // from 1 in the order of joining; 0: none yet
};

// A thread that is not a worker: main, std::thread.
struct PlainThread : ThreadRecord, Actor {
  FutexWord granted{0};  // see park.cpp; written by the waker after everything else
  // How long it looks for its grant before it sleeps depends on how long it had to wait the last time.
  // granted_at is written by the waker, before granted.
  bool expects_short_wait = true;
  bool exchanging = false;  // its last wait was over while it looked: it needs a processor beside the workers
  Ticks parked_at = 0;
  Ticks granted_at = 0;
  PlainThread* next_free = nullptr;
  std::atomic<bool> in_use{false};
  TurnPlace turn;
};

// This thread's record, or null when it is a plain thread that has not used a primitive yet. Never inlined, because a
// task may go on on another thread after any switch and compilers keep addresses of thread-local variables.
[[gnu::noinline]] ThreadRecord* this_thread_or_null() noexcept;
// The same, made when missing.
[[gnu::noinline]] ThreadRecord& this_thread() noexcept;
void become_worker_thread(ThreadRecord& record) noexcept;
// Whom probes are told of that take effect without a wait.
inline vigil_probe_actor* who() noexcept { return &this_thread().actor->probe; }
// The same for what counts as an operation though it does not enter: fast paths, and what only asks.
inline vigil_probe_actor* who_acts() noexcept {
  ThreadRecord& self = this_thread();
  self.count_operation();
  return &self.actor->probe;
}

// One that concerns no watcher, and makes no record for a thread that has none.
inline void count_operation() noexcept {
  if (ThreadRecord* const self = this_thread_or_null(); self != nullptr) self->count_operation();
}

// Enters on construction and leaves, on whatever thread it then runs, on destruction.
class Inside {
 public:
  Inside() noexcept : record_(&this_thread()) {
    record_->count_operation();
    record_->enter();
  }
  ~Inside() { record_->leave(); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  [[nodiscard]] ThreadRecord& record() const noexcept { return *record_; }
  [[nodiscard]] Actor& actor() const noexcept { return *record_->actor; }
  [[nodiscard]] vigil_probe_actor* probe() const noexcept { return &record_->actor->probe; }
  // After a park: the task may have moved.
  void moved_to(ThreadRecord& record) noexcept { record_ = &record; }

 private:
  ThreadRecord* record_;
};

// Every record ever made. visit(ThreadRecord&) -> void.
std::atomic<ThreadRecord*>& first_record() noexcept;
template <class Visit>
void each_record(Visit&& visit) {
  for (ThreadRecord* record = first_record().load(std::memory_order_acquire); record != nullptr;
       record = record->next_record)
    visit(*record);
}
void publish_record(ThreadRecord& record) noexcept;

// Every thread of the process that runs executes a full fence before this returns.
void fence_all_threads() noexcept;

// Holds every record but the caller's own at the door of enter(). See probe.h, pause().
[[nodiscard]] bool pause_all(std::uint64_t deadline_ns) noexcept;
void resume_all() noexcept;

}  // namespace vigil::detail
