// How a program ends because of a task: by an exception that leaves it, or over the end of its stack.
#include <csignal>
#include <stdexcept>

#include "test/runtime/support.hpp"

namespace vigil::test {
namespace {

void never_returns() {
  for (;;) Channel<int>().receive();
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)  // they take the death over
[[gnu::noinline]] int deep(int depth) {
  volatile char frame[1000];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : deep(depth + 1) + frame[0];
}

class OverflowWith : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    setenv("VIGIL_STACK_GUARDS", GetParam(), 1);
  }
};
INSTANTIATE_TEST_SUITE_P(Guards, OverflowWith, testing::Values("lightweight", "mapping"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(OverflowWith, NamesTheTaskAndDiesBySegv) {
  EXPECT_EXIT(
      {
        go([] { Channel<int>().receive(); });
        go([] { deep(1); });
        never_returns();
      },
      testing::KilledBySignal(SIGSEGV), "vigil: task 2 overflowed its stack of 256 KiB");
}

TEST(Overflow, WithoutGuardIsSeenAtTheNextSwitch) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  setenv("VIGIL_STACK_GUARDS", "canary", 1);
  EXPECT_EXIT(
      {
        go([] {
          char here = 0;
          // What an overflow does, without the luck it takes to return from one: a write just below the stack.
          for (const Seen& one : actors())
            if (one.id == 1) *reinterpret_cast<char*>(one.stack_low - 9) = static_cast<char>(here + 1);
          yield();
          sleep_for(std::chrono::hours(1));
        });
        never_returns();
      },
      testing::KilledBySignal(SIGSEGV), "vigil: task 1 overflowed its stack of 256 KiB");
}

TEST(Overflow, ABadAddressIsStillAPlainSegv) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        go([] {
          volatile std::uintptr_t nowhere = 8;
          *reinterpret_cast<volatile int*>(nowhere) = 1;
        });
        never_returns();
      },
      testing::KilledBySignal(SIGSEGV), "^$");
}

TEST(Overflow, AHandlerInstalledBeforeIsCalledToo) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        struct sigaction mine {};
        mine.sa_handler = [](int) { _exit(42); };
        sigaction(SIGSEGV, &mine, nullptr);
        go([] { deep(1); });
        never_returns();
      },
      testing::ExitedWithCode(42), "vigil: task 1 overflowed");
}

TEST(Overflow, ASegvSentByAnotherProcessKills) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        go([] { raise(SIGSEGV); });
        never_returns();
      },
      testing::KilledBySignal(SIGSEGV), "^$");
}
#endif

TEST(Exception, ThatLeavesATaskEndsTheProgram) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        go([] { throw std::runtime_error("what it says"); });
        never_returns();
      },
      "vigil: task 1 ended by an exception: std::runtime_error: what it says");
}

TEST(Exception, OfAnyTypeIsNamed) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        go([] { throw 7; });
        never_returns();
      },
      "vigil: task 1 ended by an exception: int");
}

TEST(Exception, IsActiveInTheTerminateHandler) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        std::set_terminate([] {
          try {
            throw;
          } catch (const Panic& panic) {
            _exit(std::string(panic.what()) == "close of nil channel" ? 43 : 44);
          }
        });
        go([] { Channel<int>().close(); });
        never_returns();
      },
      testing::ExitedWithCode(43), "vigil::Panic: close of nil channel");
}

// What a core dump shows: nothing between the throw and the task's first frame has been taken down.
TEST(Exception, EndsTheProgramBeforeTheStackIsUnwound) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        std::set_terminate([] { _exit(45); });
        go([] {
          struct Telltale {
            ~Telltale() { _exit(46); }
          };
          const Telltale telltale;
          throw std::runtime_error("thrown");
        });
        never_returns();
      },
      testing::ExitedWithCode(45), "std::runtime_error: thrown");
}

TEST(Exception, ThrownAgainEndsTheProgramToo) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        go([] {
          const auto kept = std::make_exception_ptr(std::runtime_error("kept"));
          try {
            throw 7;
          } catch (int) {
            std::rethrow_exception(kept);
          }
        });
        never_returns();
      },
      "vigil: task 1 ended by an exception: std::runtime_error: kept");
}

#if !defined(__SANITIZE_THREAD__)  // it ends the program itself, on any stack but the thread's own
TEST(Exception, PthreadExitInATaskEndsTheProgram) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        go([] { pthread_exit(nullptr); });
        never_returns();
      },
      "vigil: task 1 ended by an exception: of an unknown type");
}
#endif

TEST(Exception, ACaughtPanicEndsNothing) {
  const Channel<std::string> text(1);
  go([text] { text.send(panic_of([] { Channel<int>().close(); })); });
  EXPECT_EQ(text.receive(), "close of nil channel");
}

}  // namespace
}  // namespace vigil::test
