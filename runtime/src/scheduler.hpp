// Scheduler: places tasks on workers and puts workers to sleep.
//
// Immortal: constant-initialised, never destroyed, its workers run on through static destruction.
// Who runs: a woken task goes into the waking worker's run_next_ slot and runs as soon as the waker parks, without any
// other processor being told. That is right nearly always, and cheap. When it is wrong (the waker goes on computing),
// the keeper finds the task after a moment, takes it, and tells the worker to be eager for a while. The keeper is one
// idle worker that sleeps with a deadline: the earliest timer, and while others run, the next look at their run_next_.
// The rest of the idle sleep without end. docs/decisions/0030 and 0050 say why. Invariants:
//   I1  a task pushed into a queue while a worker could run it is seen: the pusher fences and then looks for somebody
//       to wake, or leaves it to the keeper while somebody runs; the worker announces that it sleeps, fences and then
//       looks at all queues (at other workers' not when lazy: they are those workers' to empty).
//   I2  spinning_ counts workers that look for work and have none; while there is one, nobody is woken, and the last
//       one that finds work wakes another.
//   I3  running_ counts workers that neither sleep nor are retired; running_ <= procs_ but for those that retire.
//   I4  a plain thread in a worker's put_off_ is granted by that worker before it sleeps, or by the keeper, or by who
//       makes the keeper cease to look.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "runtime/src/global_queue.hpp"
#include "runtime/src/patience.hpp"
#include "runtime/src/stack_pool.hpp"
#include "runtime/src/timer_heap.hpp"
#include "runtime/src/worker.hpp"

namespace vigil::detail {

class Scheduler {
 public:
  static constexpr std::uint32_t kMaxWorkers = 256;

  constexpr Scheduler() noexcept = default;

  // Counts and announces the task (state None, closure in place) and makes it runnable.
  void start_task(Task& task, std::uint32_t flags) noexcept;
  // A parked task goes on. The caller is inside.
  void wake(ThreadRecord& self, Task& task) noexcept;
  // Several do, in this order.
  void wake(ThreadRecord& self, std::span<Task* const> tasks) noexcept;
  // The worker's task has woken a plain thread. True: somebody will grant() it soon, the caller need not.
  [[nodiscard]] bool put_off(Worker& worker, PlainThread& thread) noexcept;
  // Whether a plain thread that looks for its grant could get it meanwhile: there is more than one processor.
  [[nodiscard]] static bool has_room_to_spin() noexcept;
  // From a plain thread: it exchanges with tasks and needs a processor of its own, or no longer.
  void set_exchanging(PlainThread& thread, bool exchanging) noexcept;
  // The running task lets others go first.
  void yield() noexcept;
  // A timer was added.
  void timer_added(std::uint64_t deadline_ns) noexcept;

  // There is to be one worker, ready or not, and turns() feeds it. False: tasks have been started already.
  [[nodiscard]] bool begin_choosing() noexcept;
  void ensure_worker() noexcept;

  [[nodiscard]] bool has_workers() const noexcept { return workers_started_.load(std::memory_order_relaxed) != 0; }

  // One more worker than there are to be, while one task keeps `worker` to itself and others wait. At most one each.
  void stand_in_for(Worker& worker) noexcept;
  void end_stand_in(Worker& worker) noexcept;

  int set_max_procs(int n) noexcept;
  [[nodiscard]] std::uint32_t max_procs() noexcept;

  [[nodiscard]] std::uint64_t tasks_started() const noexcept { return next_id_.load(std::memory_order_acquire) - 1; }
  [[nodiscard]] std::uint64_t tasks_finished() const noexcept;
  [[nodiscard]] std::uint64_t peak_alive() const noexcept { return peak_alive_.load(std::memory_order_relaxed); }

  StackPool stacks;
  TimerHeap timers;
  Patience patience;

 private:
  friend class Worker;
  friend class Turns;

  void place(Worker* worker, Task& task) noexcept;
  [[nodiscard]] Task* pop_global(Worker& worker) noexcept;
  void note_peak(std::uint64_t started) noexcept;
  [[nodiscard]] std::uint32_t procs() noexcept;
  void apply_procs_locked() noexcept;
  [[nodiscard]] bool a_timer_is_due() noexcept;

  // Sees to it that somebody runs what was just pushed, unless somebody is looking already.
  void wake_one() noexcept;
  // There is one worker more than there is room for, because plain threads exchange with tasks.
  [[nodiscard]] bool one_should_rest() noexcept;
  [[nodiscard]] bool keeper_will_look() noexcept;
  void watch_hand_off() noexcept;
  [[nodiscard]] bool is_eager(Worker& worker) noexcept;
  void grant_all_put_off() noexcept;
  // The caller is counted in spinning_ for it. False: there are enough, or the system gives no thread for one more.
  [[nodiscard]] bool start_worker() noexcept;
  [[nodiscard]] bool give_thread(Worker& worker) noexcept;
  [[nodiscard]] bool try_thread_again() noexcept;
  [[nodiscard]] Worker* pop_idle() noexcept;
  [[nodiscard]] bool leave_idle(Worker& worker) noexcept;
  void grant(Worker& worker) noexcept;
  void poke_keeper() noexcept;

  // Sleeps until there is work; may return a task to run. rests: one worker fewer is wanted, and another one is awake.
  [[nodiscard]] Task* sleep(Worker& worker, bool rests) noexcept;
  [[nodiscard]] Task* keep(Worker& worker) noexcept;
  [[nodiscard]] std::uint64_t switches_of_all() const noexcept;
  [[nodiscard]] Task* take_what_waits(Worker& keeper) noexcept;
  [[nodiscard]] static Task* take_stuck_hand_off(Worker& worker) noexcept;
  [[nodiscard]] Task* take_ripe(Worker& keeper) noexcept;
  void retire(Worker& worker) noexcept;
  [[nodiscard]] bool work_in_sight() noexcept;
  void fire_timers(Worker& worker) noexcept;
  void call_due(Worker& worker, TimedCall& first) noexcept;
  void stop_spinning(Worker& worker) noexcept;

  alignas(64) GlobalQueue global_;

  alignas(64) std::atomic<std::uint32_t> procs_{0};  // 0: not looked up yet
  std::atomic<std::uint32_t> told_procs_{0};         // while choosing: what set_max_procs() was told, and nobody heeds
  SpinLock procs_lock_;                              // one changes procs_ at a time
  std::uint32_t wanted_procs_ = 0;                   // by set_max_procs(); 0: the first ones; guarded by procs_lock_
  std::uint32_t stand_ins_ = 0;                      // beyond those; guarded by procs_lock_
  std::atomic<std::uint32_t> running_{0};
  std::atomic<std::uint32_t> spinning_{0};
  std::atomic<std::uint32_t> exchanging_{0};  // plain threads that take a processor
  std::atomic<bool> watching_{false};         // the keeper sleeps with a deadline for looking at hand-offs
  std::atomic<bool> looking_{false};          // somebody looks at hand-offs now
  std::atomic<bool> lazy_{false};             // whoever was woken lately found nothing ripe: leave it to the keeper
  std::atomic<std::uint32_t> workers_started_{0};
  std::atomic<std::uint32_t> without_thread_{0};  // of those: the system gave no thread yet
  std::atomic<Ticks> tried_thread_{0};            // when that was found the last time

  alignas(64) SpinLock idle_lock_;
  Worker* idle_ = nullptr;                      // guarded by idle_lock_; last in first out, without the keeper
  std::atomic<Worker*> keeper_{nullptr};        // written under idle_lock_
  std::atomic<std::uint64_t> keeper_until_{0};  // kNoDeadline: without end
  std::uint32_t seen_taken_ = 0;                // from global_ at the keeper's last look; guarded by looking_
  std::atomic<Worker*> workers_[kMaxWorkers] = {};

  alignas(64) std::atomic<std::uint64_t> next_id_{1};
  alignas(64) std::atomic<std::uint64_t> peak_alive_{0};
  std::atomic<std::uint64_t> finished_seen_{0};  // some earlier sum of finished, so that most starts need not sum
};

Scheduler& scheduler() noexcept;

}  // namespace vigil::detail
