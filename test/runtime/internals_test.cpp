// Units inside the library, linked from its objects.
#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "runtime/src/global_queue.hpp"
#include "runtime/src/run_queue.hpp"
#include "runtime/src/stack_pool.hpp"
#include "runtime/src/timer_heap.hpp"
#include "runtime/src/waiter.hpp"

namespace vigil::detail {
namespace {

// ---- run queue ---------------------------------------------------------------------------------------------------

TEST(RunQueue, IsFirstInFirstOut) {
  RunQueue queue;
  std::vector<Task> tasks(10);
  for (Task& task : tasks) ASSERT_TRUE(queue.push(task));
  for (Task& task : tasks) EXPECT_EQ(queue.pop(), &task);
  EXPECT_EQ(queue.pop(), nullptr);
}

TEST(RunQueue, HoldsItsSlotsAndNoMore) {
  RunQueue queue;
  std::vector<Task> tasks(RunQueue::kSlots + 1);
  for (std::size_t i = 0; i < RunQueue::kSlots; ++i) ASSERT_TRUE(queue.push(tasks[i]));
  EXPECT_FALSE(queue.push(tasks.back()));
}

TEST(RunQueue, GivesAwayItsOlderHalfWhenFull) {
  RunQueue queue;
  std::vector<Task> tasks(RunQueue::kSlots);
  for (Task& task : tasks) ASSERT_TRUE(queue.push(task));
  std::vector<Task*> half(RunQueue::kSlots / 2);
  ASSERT_TRUE(queue.take_half(half.data()));
  for (std::size_t i = 0; i < half.size(); ++i) EXPECT_EQ(half[i], &tasks[i]);
  EXPECT_EQ(queue.pop(), &tasks[half.size()]);
  EXPECT_FALSE(queue.take_half(half.data()));
}

TEST(RunQueue, StealsHalfRoundedUp) {
  RunQueue victim;
  RunQueue thief;
  std::vector<Task> tasks(5);
  for (Task& task : tasks) ASSERT_TRUE(victim.push(task));
  EXPECT_EQ(thief.steal_half(victim), &tasks[2]);
  EXPECT_EQ(thief.pop(), &tasks[0]);
  EXPECT_EQ(thief.pop(), &tasks[1]);
  EXPECT_EQ(thief.pop(), nullptr);
  EXPECT_EQ(victim.pop(), &tasks[3]);
}

TEST(RunQueue, LosesAndDoublesNothingUnderTheft) {
  constexpr std::size_t kTasks = 100'000;
  RunQueue queue;
  std::vector<Task> tasks(kTasks);
  std::atomic<bool> over = false;
  std::vector<std::vector<Task*>> got(4);
  std::vector<std::thread> thieves;
  for (std::size_t t = 1; t < got.size(); ++t) {
    thieves.emplace_back([&, t] {
      RunQueue own;
      while (!over) {
        if (Task* const task = own.steal_half(queue); task != nullptr) got[t].push_back(task);
        while (Task* const task = own.pop()) got[t].push_back(task);
      }
    });
  }
  for (std::size_t i = 0; i < kTasks; ++i) {
    while (!queue.push(tasks[i])) {
      std::array<Task*, RunQueue::kSlots / 2> half{};
      if (queue.take_half(half.data())) got[0].insert(got[0].end(), half.begin(), half.end());
    }
    if (i % 3 == 0)
      if (Task* const task = queue.pop(); task != nullptr) got[0].push_back(task);
  }
  while (Task* const task = queue.pop()) got[0].push_back(task);
  over = true;
  for (std::thread& thief : thieves) thief.join();
  std::vector<Task*> all;
  for (const auto& each : got) all.insert(all.end(), each.begin(), each.end());
  ASSERT_EQ(all.size(), kTasks);
  EXPECT_EQ(std::set<Task*>(all.begin(), all.end()).size(), kTasks);
}

// ---- global queue ------------------------------------------------------------------------------------------------

TEST(GlobalQueue, KeepsOrderWhileItGrows) {
  GlobalQueue queue;
  std::vector<Task> tasks(5000);
  std::vector<Task*> out;
  Task* few[7];
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Task* const one[] = {&tasks[i]};
    queue.push(one);
    if (i % 10 == 0) {
      const std::uint32_t count = queue.pop(few, 7, 1);
      out.insert(out.end(), few, few + count);
    }
  }
  while (const std::uint32_t count = queue.pop(few, 7, 1)) out.insert(out.end(), few, few + count);
  ASSERT_EQ(out.size(), tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) EXPECT_EQ(out[i], &tasks[i]);
}

TEST(GlobalQueue, SharesFairly) {
  GlobalQueue queue;
  std::vector<Task> tasks(40);
  for (Task& task : tasks) {
    Task* const one[] = {&task};
    queue.push(one);
  }
  Task* taken[100];
  EXPECT_EQ(queue.pop(taken, 100, 4), 11U);
  EXPECT_EQ(queue.pop(taken, 3, 1), 3U);
}

// ---- stack pool --------------------------------------------------------------------------------------------------

TEST(StackPool, GivesTheHottestStackFirst) {
  static StackPool pool;
  StackCache cache;
  Task* const a = pool.take(cache);
  Task* const b = pool.take(cache);
  ASSERT_NE(a, b);
  pool.give_back(cache, *a);
  pool.give_back(cache, *b);
  EXPECT_EQ(pool.take(cache), b);
  EXPECT_EQ(pool.take(cache), a);
}

TEST(StackPool, HandsOutEachSlotOnceAndShowsItOnce) {
  static StackPool pool;
  StackCache cache;
  std::set<Task*> taken;
  for (int i = 0; i < 3000; ++i) taken.insert(i % 2 == 0 ? pool.take(cache) : pool.take());
  EXPECT_EQ(taken.size(), 3000U);
  std::set<Task*> shown;
  pool.each_slot([&](Task& task) { return shown.insert(&task).second; });
  EXPECT_EQ(shown, taken);
}

TEST(StackPool, BatchesWanderBetweenCaches) {
  static StackPool pool;
  StackCache one;
  StackCache two;
  std::vector<Task*> taken;
  taken.reserve(500);
  for (int i = 0; i < 500; ++i) taken.push_back(pool.take(one));
  for (Task* const task : taken) pool.give_back(one, *task);
  const std::set<Task*> known(taken.begin(), taken.end());
  for (int i = 0; i < 300; ++i)
    EXPECT_TRUE(known.contains(pool.take(two))) << "a fresh stack, though used ones are free";
}

TEST(StackPool, StacksDoNotOverlap) {
  static StackPool pool;
  std::vector<Task*> tasks;
  tasks.reserve(200);
  for (int i = 0; i < 200; ++i) tasks.push_back(pool.take());
  std::ranges::sort(tasks);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    EXPECT_EQ(tasks[i]->stack_high - tasks[i]->stack_low, static_cast<std::ptrdiff_t>(kStackBytes));
    EXPECT_LE(reinterpret_cast<std::byte*>(tasks[i] + 1), tasks[i]->stack_high);
    if (i > 0) {
      EXPECT_GE(tasks[i]->stack_low - tasks[i - 1]->stack_high, static_cast<std::ptrdiff_t>(kPageBytes));
    }
  }
}

TEST(StackPool, StacksOfManyTasksLieTogetherWhereAWatcherLooksForThem) {
  constexpr std::size_t kAnywhere = 960;
  // ThreadSanitizer's runtime puts them elsewhere, for it has no shadow there.
  void* const wanted = reinterpret_cast<void*>(kWatchedStacks);
  void* const got = ::mmap(wanted, kSlotBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(got, MAP_FAILED);
  ::munmap(got, kSlotBytes);
  if (got != wanted) GTEST_SKIP() << "something else lies there";
  const auto is_there = [](const Task& task) { return reinterpret_cast<std::uintptr_t>(&task) >> 40U == 0x51; };
  static StackPool unwatched;
  for (std::size_t i = 0; i < 2 * kAnywhere; ++i) EXPECT_FALSE(is_there(*unwatched.take()));
  static StackPool pool;
  watcher_room.store(64, std::memory_order_relaxed);
  const Task* before = nullptr;
  for (std::size_t i = 0; i < 10 * kAnywhere; ++i) {
    const Task* const task = pool.take();
    EXPECT_EQ(is_there(*task), i >= kAnywhere) << i;
    if (i > kAnywhere) {
      EXPECT_EQ(task->stack_low - before->stack_low, static_cast<std::ptrdiff_t>(kSlotBytes)) << i;
    }
    before = task;
  }
  watcher_room.store(0, std::memory_order_relaxed);
}

TEST(StackPool, KnowsTheOwnerOfAGuard) {
  static StackPool pool;
  Task* const task = pool.take();
  const auto low = reinterpret_cast<std::uintptr_t>(task->stack_low);
  EXPECT_EQ(pool.owner_of_guard(low - 1), task);
  EXPECT_EQ(pool.owner_of_guard(low - kPageBytes), task);
  EXPECT_EQ(pool.owner_of_guard(low), nullptr);
  EXPECT_EQ(pool.owner_of_guard(reinterpret_cast<std::uintptr_t>(&pool)), nullptr);
}

// ---- timer heap --------------------------------------------------------------------------------------------------

// Against a sorted list, on random input.
TEST(TimerHeap, AgreesWithASortedList) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  TimerHeap heap;
  constexpr std::size_t kTimers = 500;
  std::vector<Timer> timers(kTimers);
  std::vector<Race> races(kTimers);
  Actor sleeper;
  std::multiset<std::uint64_t> model;
  for (std::size_t i = 0; i < kTimers; ++i) {
    timers[i].deadline_ns = 1 + random() % 1000;
    timers[i].waiter.actor = &sleeper;
    timers[i].waiter.race = &races[i];
    heap.lock().lock();
    heap.add_locked(timers[i]);
    heap.lock().unlock();
    model.insert(timers[i].deadline_ns);
    if (i % 3 == 0) {
      Timer& victim = timers[random() % (i + 1)];
      if (victim.place != Timer::kNotQueued) model.erase(model.find(victim.deadline_ns));
      heap.cancel(victim);
    }
    ASSERT_EQ(heap.size(), model.size());
    ASSERT_EQ(heap.earliest(), model.empty() ? kNoDeadline : *model.begin());
  }
  for (std::uint64_t now = 0; now <= 1000; now += 50) {
    WakeList woken;
    EXPECT_EQ(heap.expire(now, woken), nullptr);
    std::size_t count = 0;
    std::uint64_t latest = 0;
    for (Waiter* waiter = woken.first(); waiter != nullptr; waiter = waiter->next) {
      const auto race = static_cast<std::size_t>(waiter->race - races.data());
      EXPECT_GE(timers[race].deadline_ns, latest) << "not in the order of deadlines";
      latest = timers[race].deadline_ns;
      ++count;
    }
    const auto due = std::distance(model.begin(), model.upper_bound(now));
    EXPECT_EQ(count, static_cast<std::size_t>(due));
    model.erase(model.begin(), model.upper_bound(now));
  }
  EXPECT_EQ(heap.size(), 0U);
}

TEST(TimerHeap, ATimeoutThatLostItsRaceWakesNobody) {
  TimerHeap heap;
  Race race;
  Timer timer;
  timer.deadline_ns = 5;
  Actor sleeper;
  timer.waiter.actor = &sleeper;
  timer.waiter.race = &race;
  heap.lock().lock();
  heap.add_locked(timer);
  heap.lock().unlock();
  ASSERT_TRUE(race.claim(0));
  WakeList woken;
  EXPECT_EQ(heap.expire(10, woken), nullptr);
  EXPECT_EQ(woken.first(), nullptr);
  heap.cancel(timer);
}

// ---- wait queue --------------------------------------------------------------------------------------------------

TEST(WaitQueue, DropsSelectsThatAnotherCaseHasWon) {
  WaitQueueHead head;
  WaitQueue queue(head);
  Race lost;
  ASSERT_TRUE(lost.claim(7));
  Waiter gone{.race = &lost};
  Waiter plain;
  queue.push_back(gone);
  queue.push_back(plain);
  EXPECT_EQ(queue.pop(), &plain);
  EXPECT_FALSE(gone.queued);
  EXPECT_TRUE(queue.empty());
}

TEST(WaitQueue, RemovesFromAnyPlace) {
  for (int removed = 0; removed < 3; ++removed) {
    WaitQueueHead head;
    WaitQueue queue(head);
    Waiter waiters[3];
    for (Waiter& waiter : waiters) queue.push_back(waiter);
    queue.remove(waiters[removed]);
    for (int i = 0; i < 3; ++i)
      if (i != removed) {
        EXPECT_EQ(queue.pop(), &waiters[i]);
      }
    EXPECT_EQ(queue.pop(), nullptr);
  }
}

TEST(WaitQueue, FrontIsServedFirst) {
  WaitQueueHead head;
  WaitQueue queue(head);
  Waiter first;
  Waiter second;
  queue.push_back(second);
  queue.push_front(first);
  EXPECT_EQ(queue.pop(), &first);
  EXPECT_EQ(queue.pop(), &second);
}

TEST(Race, HasOneWinner) {
  for (int round = 0; round < 200; ++round) {
    Race race;
    std::atomic<int> winners = 0;
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < 2; ++i) threads.emplace_back([&, i] { winners += race.claim(i) ? 1 : 0; });
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(winners, 1);
  }
}

}  // namespace
}  // namespace vigil::detail
