#include "runtime/src/turns.hpp"

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/src/clock.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"
#include "runtime/src/task.hpp"

namespace vigil::detail {

constinit std::atomic<bool> choosing{false};
constinit std::atomic<std::uint64_t> virtual_now_ns{0};

namespace {

constinit Turns the_turns;

constexpr std::size_t kMostOffered = 128;           // actors a source chooses among: its time per step is bounded
constexpr std::uint32_t kPassesPerLook = 64;        // a program that is never idle still gets its timers
constexpr std::uint32_t kPointsPerLook = 1024;      // nor is one whose actors poll, each giving way to the next
constexpr std::uint64_t kLookNs = 5'000'000;        // how often who waits looks whether the turn is stuck
constexpr std::uint32_t kAsleepLooks = 2;           // so often in a row the owner slept: it waits for something else
constexpr std::uint64_t kLongTurnNs = 200'000'000;  // computes for so long without a primitive: the others go on too

// Whether that thread sleeps in the kernel. False also when nobody can tell.
bool is_asleep(int tid) noexcept {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/self/task/%d/stat", tid);
  const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::array<char, 128> text;
  const ssize_t size = ::read(file, text.data(), text.size());
  ::close(file);
  if (size <= 0) return false;
  // "tid (name) S ...": the name may hold anything, so the last parenthesis counts.
  const std::string_view line(text.data(), static_cast<std::size_t>(size));
  const std::size_t name_end = line.rfind(')');
  return name_end != std::string_view::npos && name_end + 2 < line.size() && line[name_end + 2] == 'S';
}

int this_tid() noexcept { return static_cast<int>(::syscall(SYS_gettid)); }

ChoiceKey key_of(const Actor& actor) noexcept {
  if (!actor.is_thread()) return ChoiceKey{actor.probe.id};
  return ChoiceKey{kThreadKey | static_cast<const PlainThread&>(actor).turn.number};
}

}  // namespace

Turns& turns() noexcept { return the_turns; }

void choice_point_slow() noexcept {
  ThreadRecord& self = this_thread();
  self.enter();  // is the choice point
  // Perhaps after a switch; but there is one worker, so the record is the same.
  self.leave();
}

bool Turns::choose_by(ChoiceSource& source, MaySwitch may_switch) noexcept {
  if (!scheduler().begin_choosing()) return false;
  const SpinGuard held(lock_);
  source_ = &source;
  may_switch_ = may_switch;
  choosing.store(true, std::memory_order_relaxed);
  each_record([](ThreadRecord& record) { record.stop.fetch_or(ThreadRecord::kChoosing, std::memory_order_relaxed); });
  return true;
}

std::uint32_t Turns::below(std::uint32_t bound) noexcept {
  if (bound < 2) return 0;
  const SpinGuard held(lock_);
  return source_->below(bound);
}

// ---- the turn, under the lock ------------------------------------------------------------------------------------

// The one chosen leaves ready_. `running` is not in it.
Actor& Turns::choose_locked(Actor* running, bool yields) noexcept {
  std::array<ChoiceKey, kMostOffered> who;
  std::array<std::size_t, kMostOffered> index;  // in ready_
  std::size_t count = 0;
  if (running != nullptr) who[count++] = key_of(*running);
  const std::span<Actor* const> ready = ready_.all();
  for (std::size_t i = 0; i < ready.size() && count < kMostOffered; ++i) {
    if (held_up_ && !ready[i]->is_thread()) continue;
    index[count] = i;
    who[count++] = key_of(*ready[i]);
  }
  const Step step{.who = std::span(who).first(count), .first_runs = running != nullptr, .yields = yields};
  const std::size_t chosen = count > 1 ? source_->next(step) : 0;
  if (running != nullptr && chosen == 0) return *running;
  return ready_.take(index[chosen]);
}

// At a choice point: whether who runs has to wait while the worker fires timers. Nobody has the turn then.
bool Turns::stop_for_timers_locked() noexcept {
  if (++points_ < kPointsPerLook || held_up_) return false;
  points_ = 0;
  const std::uint64_t earliest = scheduler().timers.earliest();
  if (earliest == kNoDeadline || earliest > now_ns()) return false;
  owner_ = nullptr;
  ++turn_;
  firing_ = true;
  return true;
}

Turns::Signal Turns::give_locked(Actor& next) noexcept {
  owner_ = &next;
  ++turn_;
  owner_tid_.store(0, std::memory_order_relaxed);
  if (!next.is_thread()) {
    chosen_ = &task_of(next);
    return {.thread = nullptr, .worker = true};
  }
  auto& thread = static_cast<PlainThread&>(next);
  thread.turn.state = TurnState::Owner;
  thread.turn.granted.store(1, std::memory_order_release);  // pairs with the acquire in await_turn()
  return {.thread = &thread, .worker = false};
}

// Somebody gets the turn, if nobody has it.
Turns::Signal Turns::pass_locked() noexcept {
  if (owner_ != nullptr || firing_) return {};
  if (++passes_ >= kPassesPerLook && !held_up_) {
    passes_ = 0;
    const std::uint64_t earliest = scheduler().timers.earliest();
    if (earliest != kNoDeadline && earliest <= now_ns()) {
      firing_ = true;
      return {.thread = nullptr, .worker = true};
    }
  }
  for (const Actor* const actor : ready_.all())
    if (!held_up_ || actor->is_thread()) return give_locked(choose_locked(nullptr, false));
  return {.thread = nullptr, .worker = true};  // it looks at the timers, and is idle
}

void Turns::send(Signal signal) noexcept {
  if (signal.thread != nullptr) futex_wake(signal.thread->turn.granted, 1);
  if (!signal.worker) return;
  scheduler().ensure_worker();
  changed_.fetch_add(1, std::memory_order_release);
  futex_wake(changed_, 1);
}

// ---- who comes and goes ------------------------------------------------------------------------------------------

void Turns::ready(Task& task) noexcept {
  Signal signal;
  {
    const SpinGuard held(lock_);
    ready_.add(task);
    signal = pass_locked();
  }
  send(signal);
}

void Turns::ready(PlainThread& thread) noexcept {
  Signal signal;
  {
    const SpinGuard held(lock_);
    // Else its deadline was over, and it is on its way already.
    if (thread.turn.state != TurnState::Outside) return;
    thread.turn.state = TurnState::Ready;
    thread.turn.arriving = true;
    thread.turn.granted.store(0, std::memory_order_relaxed);
    ready_.add(thread);
    signal = pass_locked();
  }
  send(signal);
}

void Turns::leave(PlainThread& thread) noexcept {
  Signal signal;
  {
    const SpinGuard held(lock_);
    ++steps_;
    thread.turn.state = TurnState::Outside;
    if (owner_ != &thread) return;
    owner_ = nullptr;
    signal = pass_locked();
  }
  send(signal);
}

void Turns::timer_added() noexcept { send({.thread = nullptr, .worker = true}); }

// ---- choice points -----------------------------------------------------------------------------------------------

void Turns::point(ThreadRecord& self, bool yields) noexcept {
  if (self.worker == nullptr) {
    thread_point(static_cast<PlainThread&>(self), yields);
  } else if (self.actor != nullptr && !self.actor->is_thread()) {  // not in the worker's own loop
    task_point(self, task_of(*self.actor), yields);
  }
}

void Turns::task_point(ThreadRecord& self, Task& task, bool yields) noexcept {
  if (may_switch_ != nullptr && may_switch_(&task.probe) == 0) return;
  Signal signal;
  {
    const SpinGuard held(lock_);
    ++steps_;
    if (owner_ == &task && !stop_for_timers_locked()) {
      Actor& next = choose_locked(&task, yields);
      if (&next == &task) return;
      signal = give_locked(next);
    }
    ready_.add(task);  // only this worker could switch to it, and does so after the park
  }
  signal.worker = false;  // is here
  send(signal);
  task.move_to(TaskState::Runnable);
  static_cast<void>(Worker::step_aside(*self.worker, task, {}));
}

void Turns::thread_point(PlainThread& thread, bool yields) noexcept {
  Signal signal;
  {
    const SpinGuard held(lock_);
    ++steps_;
    TurnPlace& place = thread.turn;
    if (place.number == 0) place.number = ++next_thread_;
    if (place.arriving) {
      place.arriving = false;  // who woke it has queued it
    } else if (place.state == TurnState::Outside) {
      place.state = TurnState::Ready;
      place.granted.store(0, std::memory_order_relaxed);
      ready_.add(thread);
      signal = pass_locked();
    } else {
      if (may_switch_ != nullptr && may_switch_(&thread.probe) == 0) return;
      Actor* next = nullptr;
      if (!stop_for_timers_locked()) {
        next = &choose_locked(&thread, yields);
        if (next == &thread) return;
      }
      place.state = TurnState::Ready;
      place.granted.store(0, std::memory_order_relaxed);
      ready_.add(thread);
      signal = next != nullptr ? give_locked(*next) : Signal{.thread = nullptr, .worker = true};
    }
  }
  send(signal);
  thread.leave();
  await_turn(thread);
}

void Turns::await_turn(PlainThread& thread) noexcept {
  // acquire: pairs with the release in give_locked(); what was done in earlier turns is visible, also by the lock.
  while (thread.turn.granted.load(std::memory_order_acquire) == 0) {
    futex_wait(thread.turn.granted, 0, real_now_ns() + kLookNs);
    if (thread.turn.granted.load(std::memory_order_acquire) == 0) take_stuck_turn();
  }
  owner_tid_.store(this_tid(), std::memory_order_relaxed);
}

// ---- a turn that does not end ------------------------------------------------------------------------------------

void Turns::take_stuck_turn() noexcept {
  const int tid = owner_tid_.load(std::memory_order_relaxed);
  const bool sleeps = tid != 0 && is_asleep(tid);
  Signal signal;
  {
    const SpinGuard held(lock_);
    const std::uint64_t now = real_now_ns();
    if (owner_ == nullptr || tid == 0 || tid != owner_tid_.load(std::memory_order_relaxed) || steps_ != seen_steps_) {
      seen_steps_ = steps_;
      seen_since_ns_ = last_look_ns_ = now;
      asleep_looks_ = 0;
      return;
    }
    if (now - last_look_ns_ < kLookNs / 2) return;  // another one has just looked
    last_look_ns_ = now;
    asleep_looks_ = sleeps ? asleep_looks_ + 1 : 0;
    if (asleep_looks_ < kAsleepLooks && now - seen_since_ns_ < kLongTurnNs) return;
    if (owner_->is_thread())
      static_cast<PlainThread*>(owner_)->turn.state = TurnState::Outside;
    else
      held_up_ = true;
    owner_ = nullptr;
    ++turn_;
    ++steps_;
    signal = pass_locked();
  }
  send(signal);
}

// ---- the worker --------------------------------------------------------------------------------------------------

Task& Turns::next_task(Worker& worker) noexcept {
  Signal signal;
  bool told_idle = false;
  lock_.lock();
  ++steps_;
  held_up_ = false;
  if (worker_turn_ == turn_) owner_ = nullptr;  // the task that ran has parked or ended in its turn
  signal = pass_locked();
  for (;;) {
    if (chosen_ != nullptr) {
      Task& task = *chosen_;
      chosen_ = nullptr;
      worker_turn_ = turn_;
      owner_tid_.store(this_tid(), std::memory_order_relaxed);
      lock_.unlock();
      return task;
    }
    const bool idle = owner_ == nullptr;
    const std::uint64_t earliest = scheduler().timers.earliest();
    if (idle && earliest != kNoDeadline && time_is_virtual() && earliest > now_ns())
      virtual_now_ns.store(earliest, std::memory_order_relaxed);  // nothing else can happen before
    if (firing_ || (idle && earliest != kNoDeadline && earliest <= now_ns())) {
      firing_ = true;
      lock_.unlock();
      send(std::exchange(signal, {}));
      scheduler().fire_timers(worker);
      lock_.lock();
      firing_ = false;
      signal = pass_locked();
      continue;
    }
    const std::uint32_t seen = changed_.load(std::memory_order_relaxed);
    lock_.unlock();
    signal.worker = false;
    send(std::exchange(signal, {}));
    worker.leave();
    if (idle && !told_idle) vigil_probe_idle();
    told_idle = idle;
    futex_wait(changed_, seen, idle ? (time_is_virtual() ? kNoDeadline : earliest) : real_now_ns() + kLookNs);
    worker.enter();
    if (!idle) take_stuck_turn();
    lock_.lock();
  }
}

}  // namespace vigil::detail
