// Turns: while a ChoiceSource is installed, one actor at a time runs the program's code, and the source says at every
// step who is next. There is one worker. A step is: the actor whose turn it is calls a primitive (every enter() of the
// runtime is a choice point), waits, or ends.
//
// Plain threads take part from their first primitive on. One that waits for something the runtime does not know (a
// join, a read) cannot be seen to wait; when it sleeps in the kernel for two looks, or computes for very long, its turn
// is taken from it: it goes on beside the others and queues again at its next primitive. The same holds for a task that
// holds up the worker. So a program runs on in any case, and is repeated exactly as far as it waits in primitives.
//
// Invariants, whenever lock_ is free:
//   I1  owner_ is who has the turn; chosen_ is owner_ when that is a task which the worker has still to switch to.
//   I2  ready_ holds each actor that could run and waits for its turn, once; owner_ may be in it only when it is a task
//       that has parked, was woken, and is about to give the turn back.
//   I3  owner_ null: nobody is ready, or the worker fires timers, or it is held up and only tasks are ready.
#pragma once

#include <cstdint>

#include "runtime/src/actor_list.hpp"
#include "runtime/src/choice.hpp"
#include "runtime/src/futex.hpp"
#include "runtime/src/spin_lock.hpp"
#include "runtime/src/thread_record.hpp"

namespace vigil::detail {

struct Task;

class Turns {
 public:
  // Whether that actor may be made to wait at a choice point: not while it holds a lock that others would block on
  // without a primitive. Null: always.
  using MaySwitch = int (*)(vigil_probe_actor* actor);

  constexpr Turns() noexcept = default;

  // From here `source` decides, for as long as the process lives. Before the first task; false: it is too late. With a
  // source installed, another may take its place while no task is alive.
  [[nodiscard]] bool choose_by(ChoiceSource& source, MaySwitch may_switch) noexcept;

  // All below only while is_choosing().
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) noexcept;

  // It has been started or woken.
  void ready(Task& task) noexcept;
  void ready(PlainThread& thread) noexcept;
  // Whoever runs on this thread is about to use a primitive. The record has entered; it may have switched when this
  // returns.
  void point(ThreadRecord& self, bool yields) noexcept;
  // The thread is about to wait, or ends: it gives up its turn if it has it.
  void leave(PlainThread& thread) noexcept;
  // A deadline was set, perhaps while nobody had a turn.
  void timer_added() noexcept;

  // The worker's loop: the task that runs next. Inside; no task runs on the worker.
  [[nodiscard]] Task& next_task(Worker& worker) noexcept;

 private:
  // Who is to be woken once lock_ is free.
  struct Signal {
    PlainThread* thread = nullptr;
    bool worker = false;
  };

  [[nodiscard]] Signal pass_locked() noexcept;
  [[nodiscard]] Signal give_locked(Actor& next) noexcept;
  [[nodiscard]] Actor& choose_locked(Actor* running, bool yields) noexcept;
  [[nodiscard]] bool stop_for_timers_locked() noexcept;
  void send(Signal signal) noexcept;

  void task_point(ThreadRecord& self, Task& task, bool yields) noexcept;
  void thread_point(PlainThread& thread, bool yields) noexcept;
  void await_turn(PlainThread& thread) noexcept;
  void take_stuck_turn() noexcept;

  SpinLock lock_;
  ChoiceSource* source_ = nullptr;  // set before the first worker exists
  MaySwitch may_switch_ = nullptr;
  Actor* owner_ = nullptr;  // guarded by lock_, as all below
  Task* chosen_ = nullptr;
  ActorList ready_;
  std::uint64_t turn_ = 0;         // grows whenever the turn passes
  std::uint64_t steps_ = 0;        // grows at every step
  std::uint64_t worker_turn_ = 0;  // turn_ when the worker last started running a task
  std::uint64_t next_thread_ = 0;  // plain threads that have joined
  std::uint32_t passes_ = 0;       // since timers were last looked at
  std::uint32_t points_ = 0;       // choice points since then
  bool firing_ = false;            // the worker fires timers, or is to do so: nobody gets a turn meanwhile
  bool held_up_ = false;           // the worker runs a task that has lost its turn

  // Seen when a waiting actor last looked whether the turn is stuck.
  std::uint64_t seen_steps_ = 0;
  std::uint64_t seen_since_ns_ = 0;
  std::uint64_t last_look_ns_ = 0;
  std::uint32_t asleep_looks_ = 0;

  std::atomic<int> owner_tid_{0};  // whose kernel state says whether the owner sleeps; 0: it has not arrived yet
  FutexWord changed_{0};           // the worker sleeps on it; grows when there may be something for it
};

Turns& turns() noexcept;

}  // namespace vigil::detail
