// blocking(): a task may block a thread without holding up the others.
#include "vigil/blocking.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/channel.hpp"
#include "vigil/task.hpp"
#include "vigil/wait_group.hpp"

namespace vigil {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void put(char item) const { EXPECT_EQ(::write(ends_[1], &item, 1), 1); }
  [[nodiscard]] char get() const {
    char item = 0;
    EXPECT_EQ(::read(ends_[0], &item, 1), 1);
    return item;
  }

 private:
  int ends_[2] = {-1, -1};
};

// More blocked calls than processors, and each waits for what another task does: without a thread for each nothing
// moves.
TEST(Blocking, DoesNotHoldUpOtherTasks) {
  set_max_procs(1);
  constexpr int kCalls = 8;
  std::vector<Pipe> pipes(kCalls);
  WaitGroup all;
  for (int i = 0; i < kCalls; ++i)
    all.go([&, i] { EXPECT_EQ(blocking([&] { return pipes[static_cast<std::size_t>(i)].get(); }), 'a' + i); });
  test::await_parked(VIGIL_WAIT_BLOCKING, kCalls);
  all.go([&] {
    for (int i = 0; i < kCalls; ++i) pipes[static_cast<std::size_t>(i)].put(static_cast<char>('a' + i));
  });
  all.wait();
}

TEST(Blocking, GivesBackWhatTheCallReturnsOrThrows) {
  WaitGroup all;
  all.go([] {
    EXPECT_EQ(*blocking([] { return std::make_unique<int>(7); }), 7);
    int value = 1;
    blocking([&] { value = 2; });
    EXPECT_EQ(value, 2);
    int& same = blocking([&]() -> int& { return value; });
    EXPECT_EQ(&same, &value);
    EXPECT_THROW(blocking([] { throw std::runtime_error("no"); }), std::runtime_error);
  });
  all.wait();
}

TEST(Blocking, HandsErrnoBack) {
  WaitGroup all;
  all.go([] {
    EXPECT_EQ(blocking([] { return ::close(-1); }), -1);
    EXPECT_EQ(errno, EBADF);
  });
  all.wait();
}

TEST(Blocking, IsAnOrdinaryCallOnAPlainThread) {
  const std::thread::id here = std::this_thread::get_id();
  EXPECT_EQ(blocking([] { return std::this_thread::get_id(); }), here);
}

TEST(Blocking, TheCallMayUsePrimitives) {
  Channel<int> channel(0);
  WaitGroup all;
  all.go([&] { blocking([&] { channel.send(7); }); });
  all.go([&] { EXPECT_EQ(blocking([&] { return channel.receive_or_zero(); }), 7); });
  all.wait();
}

TEST(Blocking, ThreadsAreUsedAgain) {
  WaitGroup all;
  int sum = 0;
  all.go([&] {
    for (int i = 0; i < 2000; ++i) sum += blocking([i] { return i; });
  });
  all.wait();
  EXPECT_EQ(sum, 1999 * 1000);
}

TEST(Blocking, ManyAtOnceUnderLoad) {
  WaitGroup all;
  std::atomic<int> calls{0};
  for (int i = 0; i < 16; ++i) {
    all.go([&] {
      for (int k = 0; k < 100; ++k) {
        blocking([&] { ++calls; });
        if (k % 8 == 0) yield();
      }
    });
  }
  all.wait();
  EXPECT_EQ(calls, 1600);
}

}  // namespace
}  // namespace vigil
