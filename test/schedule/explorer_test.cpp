// The explorer itself: that it visits every order, finds a planted mistake, prints it and brings it back.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "runtime/src/park.hpp"
#include "runtime/src/spin_lock.hpp"
#include "runtime/src/waiter.hpp"
#include "test/schedule/sound.hpp"
#include "vigil/vigil.hpp"

namespace vigil {
namespace {

using test::Check;
using test::expect_sound;
using test::Explored;
using test::Program;
using test::Schedule;

// An event of the runtime's own making with the mistake that lost wake-ups come from: the look and the place in the
// queue are under the lock, but not under one and the same.
class LossyEvent {
 public:
  void wait() {
    {
      const detail::Inside inside;
      const detail::SpinGuard held(lock_);
      if (set_) return;
    }
    detail::Inside inside;
    lock_.lock();
    detail::Waiter waiter{.actor = &inside.actor()};
    detail::WaitQueue(waiting_).push_back(waiter);
    detail::wait_for_object(inside.actor(), VIGIL_WAIT_COND, this);
    detail::park(inside, detail::unlock_after(lock_));
  }
  void set() {
    detail::Inside inside;
    detail::WakeList woken;
    {
      const detail::SpinGuard held(lock_);
      set_ = true;
      detail::WaitQueue queue(waiting_);
      while (detail::Waiter* const waiter = queue.pop()) woken.add(*waiter);
    }
    detail::wake_all(inside.record(), woken);
  }

 private:
  detail::SpinLock lock_;
  bool set_ = false;
  detail::WaitQueueHead waiting_;
};

Check lossy_event() {
  // Kept for the process: a task that waits for ever holds its event for ever, which the address sanitizer calls a
  // leak.
  static auto& events = *new std::vector<std::shared_ptr<LossyEvent>>;
  auto event = events.emplace_back(std::make_shared<LossyEvent>());
  go([event] { event->wait(); });
  go([event] { event->set(); });
  return [] { return std::string(); };
}

TEST(Explorer, FindsAPlantedLostWakeUpAndReplaysIt) {
  const Explored explored = test::explore(lossy_event);
  ASSERT_EQ(explored.failure, "1 task waits for ever") << "after " << explored.schedules << " schedules";
  const Explored again = test::replay(lossy_event, Schedule::parse(explored.failing.text()));
  EXPECT_EQ(again.failure, explored.failure);
  EXPECT_EQ(again.trace, explored.trace);
  EXPECT_EQ(again.failing.text(), explored.failing.text());
  const Explored other = test::replay(lossy_event, Schedule{});
  EXPECT_EQ(other.failure, "") << "the first schedule is a good one";
}

// The two halves of what a failing test offers: what it prints is what brings the failure back.
TEST(Explorer, AFailingTestPrintsTheScheduleThatReplaysIt) {
  testing::TestPartResultArray failures;
  const auto run_it = [&failures] {
    const testing::ScopedFakeTestPartResultReporter caught(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    expect_sound(lossy_event);
  };
  run_it();
  ASSERT_EQ(failures.size(), 1);
  const std::string printed = failures.GetTestPartResult(0).message();
  EXPECT_NE(printed.find("1 task waits for ever"), std::string::npos) << printed;
  const std::string offer = "again: VIGIL_TEST_SCHEDULE=";
  const std::size_t at = printed.find(offer);
  ASSERT_NE(at, std::string::npos) << printed;
  const std::size_t begin = at + offer.size();
  const std::string schedule = printed.substr(begin, printed.find_first_not_of("0123456789.", begin) - begin);

  setenv("VIGIL_TEST_SCHEDULE", schedule.c_str(), 1);
  run_it();
  setenv("VIGIL_TEST_SCHEDULE", "-", 1);  // the first schedule, which is a good one
  run_it();
  unsetenv("VIGIL_TEST_SCHEDULE");
  ASSERT_EQ(failures.size(), 2);
  EXPECT_NE(std::string(failures.GetTestPartResult(1).message()).find("1 task waits for ever"), std::string::npos);
}

TEST(Explorer, WithoutPreemptionItCannotFindIt) {
  const Explored explored = test::explore(lossy_event, {.preemptions = 0});
  EXPECT_EQ(explored.failure, "");
  EXPECT_TRUE(explored.complete);
}

// Two tasks of two operations each: (2 + 2)! / (2! * 2!) orders, when nothing bounds them.
TEST(Explorer, VisitsEveryOrderOnce) {
  std::vector<std::string> orders;
  const Program program = [&]() -> Check {
    auto order = std::make_shared<std::string>();
    for (const char* name : {"a", "b"}) {
      go([order, name] {
        *order += name;
        yield();
        *order += name;
      });
    }
    return [&orders, order] {
      orders.push_back(*order);
      return std::string();
    };
  };
  const Explored explored = test::explore(program, {.preemptions = 9});
  EXPECT_TRUE(explored.complete);
  EXPECT_EQ(explored.schedules, orders.size());
  std::sort(orders.begin(), orders.end());
  EXPECT_EQ(orders, (std::vector<std::string>{"aabb", "abab", "abba", "baab", "baba", "bbaa"}));
}

TEST(Schedule, IsReadAsItIsPrinted) {
  EXPECT_EQ(Schedule::parse("0.12.3").text(), "0.12.3");
  EXPECT_EQ(Schedule::parse("-").text(), "-");
  EXPECT_THROW(static_cast<void>(Schedule::parse("0.x")), std::invalid_argument);
}

}  // namespace
}  // namespace vigil
