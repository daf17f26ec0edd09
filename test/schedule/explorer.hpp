// Explorer: runs a small program of tasks under every interleaving of their operations, up to a bound. One worker; each
// operation of a primitive is a choice point (runtime/src/turns.hpp), and a Script says who goes on. Depth first: a
// schedule is run to its end, then its last choice that has an alternative left is changed.
//
// Time is virtual: it passes when nobody can go on, straight to the next deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::test {

// What was chosen at each point that had more than one way to go on.
class Schedule {
 public:
  std::vector<std::uint32_t> choices;

  [[nodiscard]] std::string text() const;  // "0.2.1"; "-" when there was nothing to choose
  [[nodiscard]] static Schedule parse(std::string_view text);
};

// What is wrong after all tasks have ended or wait for ever; empty: nothing.
using Check = std::function<std::string()>;
// Starts the tasks of one run, by go(), and returns its check. What they share must outlive them: let them own it. That
// all tasks have ended is checked in any case.
using Program = std::function<Check()>;

struct Bounds {
  // Times that a task which could go on is made to wait. Most bugs need one or two (Musuvathi and Qadeer, PLDI 2007).
  std::uint32_t preemptions = 2;
  std::uint64_t schedules = 200'000;
};

struct Explored {
  std::uint64_t schedules = 0;
  std::uint64_t longest = 0;  // choices in one schedule
  bool complete = false;      // there is no other schedule within the bound of preemptions
  std::string failure;        // of the first schedule that failed; empty: none did
  Schedule failing;
  std::string trace;  // of that one: which task went on at each step, "1 1 2 1", numbered as they were started
};

// Stops at the first failure.
Explored explore(const Program& program, Bounds bounds = {});
// One run under that schedule.
Explored replay(const Program& program, const Schedule& schedule, Bounds bounds = {});

}  // namespace vigil::test
