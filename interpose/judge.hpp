// Judge: whether two looks at a program prove that nothing in it can ever move again. A pure function of the looks.
#pragma once

#include <cstdint>
#include <span>

#include "interpose/own_memory.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim {

// What the kernel says of a thread.
enum class KernelState : std::uint8_t {
  Asleep,     // in a futex wait without a timeout
  Elsewhere,  // on a processor, ready for one, or in another system call
};

struct ThreadLook {
  int tid = 0;
  CallKind kind = CallKind::None;
  std::uintptr_t object = 0;  // of an OpenWord: where it is
  std::uint32_t round = 0;    // of its BlockedCall
  bool for_ever = false;      // nobody outside this process, and no clock, ends its wait
  KernelState kernel = KernelState::Elsewhere;
  friend bool operator==(const ThreadLook&, const ThreadLook&) noexcept = default;
};

struct Look {
  bool tasks_known = true;           // false: the runtime would not hold still, so nothing is known of its tasks
  std::uint64_t moving_tasks = 0;    // runnable, running, or in a call that the system ends
  std::uint64_t timers = 0;          // deadlines pending
  std::uint64_t blocked_tasks = 0;   // for ever, daemons aside
  std::uint64_t stranded_tasks = 0;  // runnable, but every worker is blocked in a call: nobody will run them
  bool has_strangers = false;        // threads that are neither the program's known ones, nor the runtime's, nor ours
  bool has_signal_handlers = false;  // the program handles some signal: a handler may wake whom it likes, see judge()
  OwnVector<ThreadLook> threads;     // the program's, in the order of their ids
};

enum class Verdict : std::uint8_t {
  Moves,    // somebody can go on: who stops last will poke again
  Unclear,  // nobody is seen to move, but it is not proved: look again later
  Deadlock,
};

// One look alone: Deadlock means that it is worth a second one.
Verdict judge(const Look& look) noexcept;
// Two looks, one after the other. A thread that left its wait between them, or was woken before and has not run yet,
// shows in its round or in what the kernel says; nobody else can have woken a task.
Verdict judge(const Look& first, const Look& second) noexcept;

}  // namespace vigil::shim
