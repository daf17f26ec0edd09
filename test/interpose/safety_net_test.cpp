#include "interpose/safety_net.hpp"
#include "interpose/fall_stack.hpp"

#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>

namespace vigil::shim {
namespace {

TEST(SafetyNet, AStepThatEndsIsTrue) {
  int ran = 0;
  EXPECT_TRUE(in_net(1000, [&] { ++ran; }));
  EXPECT_EQ(ran, 1);
}

TEST(SafetyNet, AStepThatCrashesIsLeft) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(in_net(1000, [] { raise(SIGSEGV); }));
    EXPECT_FALSE(in_net(1000, [] { *static_cast<volatile int*>(nullptr) = 1; }));
  }
}

[[gnu::noinline]] void crashes() { *static_cast<volatile int*>(nullptr) = 1; }

TEST(SafetyNet, WhereAStepFellIsKnown) {
  EXPECT_FALSE(in_net(1000, [] {
    crashes();
    asm volatile("");  // not a tail call
  }));
  ASSERT_GE(fall_stack().size(), 3U);
  const auto fell_at = reinterpret_cast<std::uintptr_t>(fall_stack().front());
  const auto begin = reinterpret_cast<std::uintptr_t>(&crashes);
  EXPECT_TRUE(fell_at >= begin && fell_at < begin + 64) << fall_words().view();
  EXPECT_EQ(fall_words().view().substr(0, 18), " at the program+0x") << fall_words().view();
  EXPECT_FALSE(in_net(100, [] {
    volatile int turns = 0;
    while (true) turns = turns + 1;
  }));
  const auto hung_at = reinterpret_cast<std::uintptr_t>(fall_stack().front());
  EXPECT_FALSE(hung_at >= begin && hung_at < begin + 64) << "of the last fall, not of the first";
}

TEST(SafetyNet, AStepThatAbortsIsLeft) {
  EXPECT_FALSE(in_net(1000, [] { std::abort(); }));
}

TEST(SafetyNet, AStepThatHangsIsLeftAfterItsTime) {
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(in_net(200, [] {
    while (true) pause();
  }));
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_GE(took, std::chrono::milliseconds(190));
  EXPECT_LT(took, std::chrono::seconds(5));
}

TEST(SafetyNet, AStepThatSpinsIsLeftAfterItsTime) {
  EXPECT_FALSE(in_net(100, [] {
    volatile int turns = 0;
    while (true) turns = turns + 1;
  }));
}

TEST(SafetyNet, DispositionsAndMaskAreAsBeforeAfterwards) {
  struct sigaction before {};
  sigaction(SIGSEGV, nullptr, &before);
  sigset_t mask_before;
  sigprocmask(SIG_SETMASK, nullptr, &mask_before);
  EXPECT_FALSE(in_net(1000, [] { raise(SIGSEGV); }));
  struct sigaction after {};
  sigaction(SIGSEGV, nullptr, &after);
  sigset_t mask_after;
  sigprocmask(SIG_SETMASK, nullptr, &mask_after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  for (int i = 1; i < 65; ++i) EXPECT_EQ(sigismember(&mask_before, i), sigismember(&mask_after, i)) << i;
}

TEST(SafetyNet, AFallInAnInnerNetIsCaughtByTheOuter) {
  bool went_on = false;
  EXPECT_FALSE(in_net(1000, [&] {
    in_net(1000, [] { raise(SIGSEGV); });
    went_on = true;
  }));
  EXPECT_FALSE(went_on);
}

}  // namespace
}  // namespace vigil::shim
