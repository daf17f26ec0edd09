// What the runtime offers a watcher: vigil_probe_runtime.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "test/runtime/support.hpp"

namespace vigil::test {
namespace {

using namespace std::chrono_literals;

// Fills the room of each task that starts while it is on, and looks at it when the task ends.
struct RoomWatcher {
  static constexpr std::size_t room = 448;  // bytes
  static constexpr std::byte kMark{0xA5};
  std::atomic<bool> is_on{false};
  std::atomic<int> ended{0};
  std::atomic<int> damaged{0};

  static std::span<std::byte> room_of(vigil_probe_actor* task) {
    return {reinterpret_cast<std::byte*>(task) - room, room};
  }
  void begins(vigil_probe_actor* task) const {
    if (is_on) std::ranges::fill(room_of(task), kMark);
  }
  void ends(vigil_probe_actor* task) {
    if (!is_on) return;
    ++ended;
    if (!std::ranges::all_of(room_of(task), [](std::byte at) { return at == kMark; })) ++damaged;
  }
};
constinit RoomWatcher watcher;

// Marks the word of the one channel that is made while it waits for one.
struct WordWatcher {
  std::atomic<bool> waits{false};
  const void* channel = nullptr;
  void* at_make = nullptr;
  void* at_destroy = nullptr;

  static void*& word_of(const void* channel) {
    return *reinterpret_cast<void**>(static_cast<char*>(const_cast<void*>(channel)) + runtime().channel_word);
  }
  void made(const void* one) {
    if (!waits.exchange(false)) return;
    channel = one;
    at_make = std::exchange(word_of(one), this);
  }
  void goes(const void* one) {
    if (one == channel) at_destroy = word_of(one);
  }
};
constinit WordWatcher word_watcher;

}  // namespace

extern "C" __attribute__((visibility("default"))) void vigil_probe_task_create(vigil_probe_actor* /*parent*/,
                                                                               vigil_probe_actor* task,
                                                                               std::uint32_t /*flags*/) noexcept {
  watcher.begins(task);
}
extern "C" __attribute__((visibility("default"))) void vigil_probe_task_end(vigil_probe_actor* task) noexcept {
  watcher.ends(task);
}
extern "C" __attribute__((visibility("default"))) void vigil_probe_channel_make(const void* channel,
                                                                                std::size_t /*capacity*/) noexcept {
  word_watcher.made(channel);
}
extern "C" __attribute__((visibility("default"))) void vigil_probe_channel_destroy(
    const void* channel, std::size_t /*items_left*/) noexcept {
  word_watcher.goes(channel);
}

namespace {

TEST(Watch, KnowsItsVersion) {
  EXPECT_EQ(runtime().version, VIGIL_PROBE_VERSION);
  EXPECT_EQ(runtime().size, sizeof(vigil_probe_runtime));
}

TEST(Watch, AChannelHasAWordThatIsTheWatchersFromItsMakingToItsEnd) {
  word_watcher.waits = true;
  {
    const Channel<int> pipe(1);
    pipe.send(1);
    EXPECT_EQ(pipe.receive(), 1);
    pipe.close();
    EXPECT_FALSE(pipe.receive());
  }
  EXPECT_EQ(word_watcher.at_make, nullptr);
  EXPECT_EQ(word_watcher.at_destroy, &word_watcher);
}

TEST(Watch, CountsTasks) {
  const Channel<Unit> gate(0);
  for (int i = 0; i < 5; ++i) go([gate] { gate.receive(); });
  until_parked(5);
  const vigil_probe_counts waiting = counts();
  EXPECT_EQ(waiting.started, 5U);
  EXPECT_EQ(waiting.finished, 0U);
  EXPECT_EQ(waiting.alive, 5U);
  EXPECT_EQ(waiting.moving, 0U);
  gate.close();
  until_no_task_is_left();
  const vigil_probe_counts over = counts();
  EXPECT_EQ(over.finished, 5U);
  EXPECT_EQ(over.alive, 0U);
  EXPECT_EQ(over.peak_alive, 5U);
}

TEST(Watch, RoomBelowEachRecordIsTheWatchersFromItsTasksBeginningToItsEnd) {
  ASSERT_EQ(runtime().reserve_room(watcher.room), 1);
  watcher.is_on = true;
  // Closures of many sizes, and one that goes to the heap; tasks that park, and stacks that are used again.
  struct Large {
    std::byte bytes[20'000];
  };
  for (int round = 0; round < 3; ++round) {
    const Channel<Unit> gate(0);
    WaitGroup over;
    for (int i = 0; i < 40; ++i) {
      over.go([gate, i] {
        std::string text(static_cast<std::size_t>(i), 'x');
        gate.receive();
        text += 'y';
      });
    }
    over.go([gate, large = Large{}] {
      gate.receive();
      EXPECT_EQ(large.bytes[1], std::byte{0});
    });
    until_parked(41);
    gate.close();
    over.wait();
    until_no_task_is_left();
  }
  watcher.is_on = false;
  EXPECT_EQ(watcher.ended.load(), 3 * 41);
  EXPECT_EQ(watcher.damaged.load(), 0);
}

TEST(Watch, RoomIsRefusedWhenItIsTooLargeOrTooLate) {
  EXPECT_EQ(runtime().reserve_room(std::size_t{64} << 10U), 0);
  go([] {});
  until_no_task_is_left();
  EXPECT_EQ(runtime().reserve_room(64), 0);
}

TEST(Watch, PeakIsExactForOneStarter) {
  set_max_procs(1);  // the starter's children run only when it lets them
  WaitGroup over;
  over.go([] {
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 10; ++i) go([] {});
      while (task_count() > 1) yield();
    }
  });
  over.wait();
  EXPECT_EQ(counts().peak_alive, 11U);
}

TEST(Watch, ShowsWhatEveryTaskWaitsFor) {
  const Channel<int> send(0);
  const Channel<int> receive(0);
  const Channel<int> never(0);
  WaitGroup group;
  group.add(1);
  Mutex mutex;
  mutex.lock();
  go([=] { send.send(1); });
  go([=] { receive.receive(); });
  go([&] { group.wait(); });
  go([&] { mutex.lock(); });
  go([] { sleep_for(1h); });
  go([=] { vigil::select(on_receive(never), on_send(never, 1), on_timeout(1h)); });
  until_parked(6);
  std::multiset<std::uint32_t> kinds;
  for (const Seen& one : actors()) {
    if (one.state != VIGIL_TASK_PARKED) continue;
    kinds.insert(one.wait_kind);
    if (one.wait_kind == VIGIL_WAIT_SEND) {
      EXPECT_EQ(one.object, detail::core_of(send));
    }
    if (one.wait_kind == VIGIL_WAIT_RECEIVE) {
      EXPECT_EQ(one.object, detail::core_of(receive));
    }
    if (one.wait_kind == VIGIL_WAIT_WAIT_GROUP) {
      EXPECT_EQ(one.object, &group);
    }
    if (one.wait_kind == VIGIL_WAIT_MUTEX) {
      EXPECT_EQ(one.object, &mutex);
    }
    if (one.wait_kind == VIGIL_WAIT_SELECT) {
      EXPECT_EQ(one.case_count, 2U);
    }
  }
  EXPECT_EQ(kinds, (std::multiset<std::uint32_t>{VIGIL_WAIT_SEND, VIGIL_WAIT_RECEIVE, VIGIL_WAIT_SELECT,
                                                 VIGIL_WAIT_MUTEX, VIGIL_WAIT_WAIT_GROUP, VIGIL_WAIT_SLEEP}));
  send.receive();  // so that no closure keeps a channel: the address sanitizer does not look into tasks' stacks
  receive.send(1);
  never.receive();
  group.done();
  mutex.unlock();
  until_parked(1);  // the sleeper
}

TEST(Watch, ShowsAParkedPlainThread) {
  const Channel<int> channel(0);
  Crew crew;
  crew.start(On::Thread, [&] { channel.receive(); });
  until_parked(1);
  bool found = false;
  for (const Seen& one : actors()) {
    if (one.state != VIGIL_TASK_PARKED) continue;
    found = true;
    EXPECT_EQ(one.flags, static_cast<std::uint32_t>(VIGIL_ACTOR_IS_THREAD));
    EXPECT_EQ(one.id, 0U);
    EXPECT_EQ(one.wait_kind, static_cast<std::uint32_t>(VIGIL_WAIT_RECEIVE));
    EXPECT_EQ(one.stack_low, 0U);
  }
  EXPECT_TRUE(found);
  channel.send(1);
}

TEST(Watch, ForgetsAThreadThatHasEnded) {
  const Channel<int> channel(1);
  channel.send(1);
  const std::size_t before = actors().size();
  std::thread([&] { channel.receive(); }).join();
  EXPECT_EQ(actors().size(), before);
}

TEST(Watch, SavedRegistersLieOnTheTasksStack) {
  go([] { Channel<int>().receive(); });
  until_parked(1);
  for (const Seen& one : actors()) {
    if (one.state != VIGIL_TASK_PARKED) continue;
    EXPECT_GT(one.saved.rsp, one.stack_low);
    EXPECT_LT(one.saved.rsp, one.stack_high);
    EXPECT_GT(one.saved.rbp, one.saved.rsp);
    EXPECT_LT(one.saved.rbp, one.stack_high);
    EXPECT_EQ(one.stack_high - one.stack_low, 256U * 1024U);
  }
}

// From a parked task's saved registers the frame pointers lead to the function that parked, and end at the task's
// bottom.
[[gnu::noinline]] void parks_here(const Channel<int>& channel) {
  channel.receive();
  asm volatile("");  // not a tail call: the frame must be there
}

TEST(Watch, SavedFramePointersLeadThroughTheUsersFrames) {
  const Channel<int> channel(0);
  go([channel] { parks_here(channel); });
  until_parked(1);
  bool found = false;
  int frames = 0;
  for (const Seen& one : actors()) {
    if (one.state != VIGIL_TASK_PARKED) continue;
    std::uintptr_t frame = one.saved.rbp;
    while (frame > one.stack_low && frame + 16 <= one.stack_high && frames < 50) {
      const auto* const words = reinterpret_cast<const std::uintptr_t*>(frame);
      const auto start = reinterpret_cast<std::uintptr_t>(&parks_here);
      if (words[1] > start && words[1] < start + 256) found = true;
      if (words[0] <= frame) break;
      frame = words[0];
      ++frames;
    }
  }
  EXPECT_TRUE(found);
  EXPECT_GT(frames, 3);
}

TEST(Watch, VisitMayStopEarly) {
  for (int i = 0; i < 3; ++i) go([] { Channel<int>().receive(); });
  until_parked(3);
  int visits = 0;
  runtime().each_actor(
      [](const vigil_probe_actor_view*, void* context) {
        ++*static_cast<int*>(context);
        return 0;
      },
      &visits);
  EXPECT_EQ(visits, 1);
}

// While paused, nothing that parks or wakes may pass, though tasks and threads keep trying.
TEST(Watch, PauseStopsEverySwitch) {
  std::atomic<bool> stop = false;
  std::atomic<long> steps = 0;
  const Channel<int> there(0);
  const Channel<int> back(0);
  Crew crew;
  crew.start(On::Task, [&] {
    for (const int item : there) back.send(item);
  });
  crew.start(On::Task, [&] {
    while (!stop) {
      there.send(1);
      back.receive();
      ++steps;
    }
    there.close();
  });
  for (int round = 0; round < 50; ++round) {
    ASSERT_EQ(runtime().pause(20'000'000'000U), 1);
    const long before = steps;
    for (int i = 0; i < 3; ++i) std::this_thread::sleep_for(100us);
    // One step may have been complete but for its count.
    EXPECT_LE(steps - before, 1);
    runtime().resume();
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (steps < before + 10) ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the runtime does not go on";
  }
  stop = true;
}

TEST(Watch, PauseSucceedsWhileATaskComputes) {
  std::atomic<bool> stop = false;
  Crew crew;
  std::atomic<bool> runs = false;
  crew.start(On::Task, [&] {
    runs = true;
    while (!stop) {
    }
  });
  while (!runs) std::this_thread::yield();
  EXPECT_EQ(runtime().pause(20'000'000'000U), 1);
  runtime().resume();
  stop = true;
}

TEST(Watch, SettleWaitsForTheLastTaskToPark) {
  const Channel<int> channel(0);
  go([=] {
    for (int i = 0; i < 1000; ++i) yield();
    channel.receive();
  });
  EXPECT_EQ(runtime().settle(20'000'000'000U), 1);
  EXPECT_EQ(counts().moving, 0U);
}

TEST(Watch, SettleGivesUp) {
  std::atomic<bool> stop = false;
  Crew crew;
  crew.start(On::Task, [&] {
    while (!stop) {
    }
  });
  EXPECT_EQ(runtime().settle(2'000'000), 0);
  stop = true;
}

TEST(Watch, PausesOfTwoThreadsExcludeEachOther) {
  ASSERT_EQ(runtime().pause(20'000'000'000U), 1);
  std::thread([&] { EXPECT_EQ(runtime().pause(1'000'000), 0); }).join();
  runtime().resume();
  std::thread([&] {
    EXPECT_EQ(runtime().pause(20'000'000'000U), 1);
    runtime().resume();
  }).join();
}

}  // namespace
}  // namespace vigil::test
