// Worker: one OS thread that runs tasks, one after the other.
//
// A task that parks switches straight to the next task when this worker has one; only when it has none does the
// worker's own context, the loop, look elsewhere: global queue, timers, other workers' queues, sleep. Invariants:
//   I1  whoever leaves a context fills left_ and after_ first; whoever arrives saves the context left and then runs
//   after_.
//       So nobody can find a parked task (its lock is still held) before its context is saved.
//   I2  run_next_ and the cache are touched by this worker alone, inside (busy != 0); the keeper may take run_next_
//   while it
//       has the worker claimed and finds it outside (see ThreadRecord::kClaimed).
//   I3  the worker is inside whenever its loop runs and it does not sleep.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/src/run_queue.hpp"
#include "runtime/src/stack_pool.hpp"
#include "runtime/src/thread_record.hpp"

namespace vigil::detail {

// What to do once the context that asked for it is saved: release a lock, free a stack.
struct AfterSwitch {
  void (*run)(void* what) noexcept = nullptr;
  void* what = nullptr;
};

class Worker : public ThreadRecord {
 public:
  explicit Worker(std::uint32_t index) noexcept : index_(index) { worker = this; }

  // The thread's whole life.
  void run() noexcept;

  // Parks the running task; returns, perhaps on another worker, when it has been woken. Returns that worker.
  static Worker& park(Worker& worker, Task& task, AfterSwitch after) noexcept;
  // The same of a task that stays runnable: it goes on when it is picked again.
  static Worker& step_aside(Worker& worker, Task& task, AfterSwitch after) noexcept;
  // The running task has ended: never returns.
  [[noreturn]] static void end(Worker& worker, Task& task) noexcept;
  // First thing on a task's own stack.
  static void arrive_first(Worker& worker, Task& task, Arrival from) noexcept;

  // Makes a task run soon, before everything else here. Returns whether something else was pushed back for it.
  [[nodiscard]] bool put_next(Task& task) noexcept;
  void put_last(Task& task) noexcept;
  [[nodiscard]] bool has_local_work() const noexcept {
    return run_next_.load(std::memory_order_relaxed) != nullptr || !queue_.empty();
  }

  // Every kLookAroundEvery-th pick goes to the loop, which looks at the global queue and the timers.
  [[nodiscard]] bool time_to_look_around() noexcept { return ++tick_ >= kLookAroundEvery; }

  // A task that has waited in a queue for so long may go to another worker. 6 us: longer than it takes to fill or empty
  // a buffer of 100 items (at 2 us a pipeline of such buffers was spread, and took 160 ns an item in place of 70).
  static constexpr Ticks kRipe = 15'000;

  // Its stack from the low end up to the loop's frame, on which nothing of the program's lies; empty before the loop
  // begins, and while it makes timers' calls. For watchers: from any thread, at any time.
  struct LoopStack {
    const void* low = nullptr;
    const void* high = nullptr;
  };
  [[nodiscard]] LoopStack loop_stack() const noexcept {
    // acquire: pairs with the release in run(), before which low is written.
    const void* const high = loop_high_.load(std::memory_order_acquire);
    if (high == nullptr || makes_calls_.load(std::memory_order_relaxed)) return {};
    return {loop_low_, high};
  }

  StackCache stacks;

 private:
  friend class Scheduler;
  friend struct ThreadRecord;
  static constexpr std::uint32_t kLookAroundEvery =
      61;  // as Go: prime, so that it does not beat with a program's periods

  // The running task has used many primitives. Sees to those that wait for this worker, if they have for long.
  void look_at_long_run() noexcept;

  // Grants the plain thread whose wake-up was put off, if there is one. Anybody may call it.
  void grant_put_off() noexcept;
  [[nodiscard]] bool put_off_for_long() const noexcept;

  // The next task of this worker's own; null when there is none or when the loop should look around.
  [[nodiscard]] Task* pick_or_look_around() noexcept;
  [[nodiscard]] Task* pick_local() noexcept;
  [[nodiscard]] Task* find_work() noexcept;
  [[nodiscard]] Task* look_everywhere() noexcept;
  [[nodiscard]] Task* steal() noexcept;
  void give_away() noexcept;  // all its tasks, to the global queue
  void start_running(Task& task) noexcept;
  void will_leave(Task& task, AfterSwitch after) noexcept;
  [[gnu::always_inline]] static inline Worker& switch_away(Worker& worker, Task& task) noexcept;
  void arrived(SavedContext left) noexcept;
  void run_task(Task& task) noexcept;

  const std::uint32_t index_;
  // relaxed: see I2 for who may touch it; the keeper's look is only a hint.
  std::atomic<Task*> run_next_{nullptr};
  std::uint32_t tick_ = 0;                       // picks since the loop last looked around
  std::uint32_t streak_ = 0;                     // run_next_ picked this often in a row
  std::uint32_t eager_wakes_ = 0;                // so many more wake-ups get another worker at once
  std::atomic<std::uint32_t> switches_{0};       // read by the keeper, to see whether run_next_ is stuck
  std::atomic<bool> hand_off_got_stuck_{false};  // set by the keeper that had to take run_next_
  // A plain thread that is to go on, but is not told yet (see Scheduler::put_off); who exchanges it out grants it.
  std::atomic<PlainThread*> put_off_{nullptr};
  Ticks put_off_since_ = 0;

  // When one task was first seen to run while others waited for this worker, and what was known then.
  struct {
    Ticks since;
    std::uint32_t switches, put, taken;
  } long_run_ = {};

  Task* left_ = nullptr;  // null: the loop
  AfterSwitch after_;
  SavedContext loop_ = nullptr;
  const void* loop_low_ = nullptr;  // set once, before loop_high_
  std::atomic<const void*> loop_high_{nullptr};
  // relaxed: set and cleared inside, so who has paused the runtime knows it.
  std::atomic<bool> makes_calls_{false};
  ExceptionState* exceptions_ = nullptr;  // this thread's
  [[no_unique_address]] SanitizerFiber sanitizer_;

  RunQueue queue_;

  Actor clock_;  // who acts when a timer calls; announced to the watcher when it first does

  // Sleeping; guarded by the scheduler's idle lock but for the word.
  enum : std::uint32_t { kSleeping = 0, kGranted = 1, kLookAgain = 2 };
  FutexWord wake_word_{kGranted};
  Ticks granted_at_ = 0;  // written by who grants, before the word
  Worker* next_idle_ = nullptr;
  bool is_idle_ = false;
  bool is_retired_ = false;
  std::atomic<bool> has_thread_{true};  // false: there was none to be had; see Scheduler::give_thread()
  bool spinning_ = false;               // counted in the scheduler's spinning_; the worker's own but while it sleeps
  bool was_woken_ = false;              // for work, and has found none yet
  bool slept_shortly_ = false;          // the last time: looking a little longer would have paid off

  // The keeper's memory of this worker; guarded by the scheduler's looking_.
  std::uint32_t seen_switches_ = 0;
  std::uint32_t seen_put_ = 0;
  Task* seen_next_ = nullptr;
  PlainThread* seen_put_off_ = nullptr;
};

}  // namespace vigil::detail
