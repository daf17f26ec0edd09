// What tests of the runtime share: the watcher's view of it, and ways to order actors by facts instead of by time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "vigil/probe.h"
#include "vigil/vigil.hpp"

namespace vigil::test {

// The table that the runtime gave to vigil_probe_attach().
const vigil_probe_runtime& runtime();

struct Seen {
  std::uint64_t id;
  std::uint32_t state;
  std::uint32_t flags;
  std::uint32_t wait_kind;  // VIGIL_WAIT_NONE unless parked
  std::uint32_t case_count;
  const void* object;
  vigil_probe_registers saved;
  std::uintptr_t stack_low, stack_high;
};
// All actors alive, looked at while the runtime is paused.
std::vector<Seen> actors();
std::size_t parked_actors();
vigil_probe_counts counts();

// Waits until exactly `parked` actors (tasks and plain threads) are parked and nothing moves. Fails the test after 20
// s.
void until_parked(std::size_t parked);
// Waits until no task is alive.
void until_no_task_is_left();

// Waits until no deadline is pending: a timer counts until its effect is complete.
void until_no_timer_is_left();

// Where an actor of a test runs.
enum class On { Task, Thread };
inline std::string name_of(On on) { return on == On::Task ? "Task" : "Thread"; }

// Runs bodies on tasks or plain threads; joins the threads and waits for the tasks when it goes.
class Crew {
 public:
  Crew() = default;
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() { join(); }
  void start(On on, std::function<void()> body);
  void join();

 private:
  std::vector<std::thread> threads_;
  WaitGroup tasks_;
};

// A test that is run with its waiting actor on a task and on a plain thread.
class OnEither : public testing::TestWithParam<On> {};
inline const auto kEither = testing::Values(On::Task, On::Thread);
inline std::string named(const testing::TestParamInfo<On>& parameter) { return name_of(parameter.param); }

// The text of the Panic that body throws; empty when it throws none.
template <class Body>
std::string panic_of(Body&& body) {
  try {
    std::forward<Body>(body)();
  } catch (const Panic& panic) {
    return panic.what();
  }
  return "";
}

}  // namespace vigil::test
