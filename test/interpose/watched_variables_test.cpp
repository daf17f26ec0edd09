// Variables that the program tells of itself (Traced<T>), where nothing else is instrumented.
#include <functional>
#include <numeric>

#include "interpose/race/known_variables.hpp"
#include "test/interpose/race_fixture.hpp"

namespace vigil::shim::race {
namespace {

TEST_F(WatchedVariables, UnorderedAccessesRaceAndOrderedDoNot) {
  as(a);
  write(memory.at(0), 4);
  release(a, memory.at(64));
  acquire(b, memory.at(64));
  as(b);
  write(memory.at(0), 4);
  EXPECT_EQ(races(), 0U);
  as(c);
  read(memory.at(0), 4);
  EXPECT_EQ(races(), 1U);  // with b's, which a's is before
}

TEST_F(WatchedVariables, BothSidesHaveTheStackOfTheirAccess) {
  as(a);
  write(memory.at(0), 4);
  as(b);
  write(memory.at(0), 4);
  ASSERT_EQ(races(), 1U);
  const std::span<const std::uintptr_t> older = frames_of(stack_of(told[0].older.place));
  const std::span<const std::uintptr_t> newer = frames_of(stack_of(told[0].newer.place));
  ASSERT_GT(older.size(), 2U);
  ASSERT_EQ(older.size(), newer.size());
  // Two calls from one function.
  EXPECT_EQ(std::inner_product(older.begin(), older.end(), newer.begin(), 0, std::plus<>(), std::not_equal_to<>()), 1);
}

TEST_F(WatchedVariables, ALargeVariableRacesOnceAndIsToldWhole) {
  vigil_probe_variable_make(memory.at(3), 41);
  as(a);
  write(memory.at(3), 41);
  as(b);
  read(memory.at(3), 41);
  ASSERT_EQ(races(), 1U);
  EXPECT_EQ(told[0].variable, memory.address() + 3);
  KnownVariable known;
  ASSERT_TRUE(find_variable(memory.address() + 3, known));
  EXPECT_EQ(known.size, 41U);
  EXPECT_NE(known.made_at, kNoStack);
}

TEST_F(WatchedVariables, NeighboursInOneGranuleAreTwo) {
  as(a);
  write(memory.at(0), 4);
  as(b);
  write(memory.at(4), 4);
  EXPECT_EQ(races(), 0U);
}

TEST_F(WatchedVariables, ANewOneAtTheAddressIsAnother) {
  vigil_probe_variable_make(memory.at(4), 2);
  KnownVariable first;
  ASSERT_TRUE(find_variable(memory.address() + 4, first));
  vigil_probe_variable_destroy(memory.at(4), 2);
  KnownVariable second;
  EXPECT_FALSE(find_variable(memory.address() + 4, second));
  vigil_probe_variable_make(memory.at(4), 2);
  ASSERT_TRUE(find_variable(memory.address() + 4, second));
  EXPECT_NE(first.number, second.number);
}

// Memory that nobody else tells of: what begins there has no past. Of its neighbour in the granule all stays.
TEST_F(WatchedVariables, OfTheOldOneNothingIsKnown) {
  if (engine_is_native()) GTEST_SKIP() << "in instrumented programs the memory's own rules hold";
  as(a);
  write(memory.at(0), 4);
  write(memory.at(4), 4);
  as(b);
  vigil_probe_variable_make(memory.at(0), 4);
  write(memory.at(0), 4);
  EXPECT_EQ(races(), 0U);
  write(memory.at(4), 4);
  EXPECT_EQ(races(), 1U);
}

TEST_F(WatchedVariables, WhatIsAccessedAgainInAnEpochTakesNoStack) {
  as(a);
  write(memory.at(0), 8);
  const std::size_t made = contexts_made();
  for (int i = 0; i < 10; ++i) write(memory.at(0), 8);
  for (int i = 0; i < 10; ++i) read(memory.at(0), 8);
  EXPECT_EQ(contexts_made(), made);
}

// No instrumented code is there, and yet its entry points may be called, by who links them.
TEST_F(WatchedVariables, NothingElseEntersTheShadow) {
  if (engine_is_native()) GTEST_SKIP() << "in instrumented programs all does";
  as(a);
  write(memory.at(0), 8);
  EXPECT_EQ(hot.epoch, nullptr);
  EXPECT_EQ(enter(), nullptr);
  EXPECT_FALSE(inside_shim);
  freed(memory.address(), 8, 1);
  as(b);
  on_write(memory.address(), 8, 1);
  EXPECT_EQ(races(), 0U);
}

// A library that is instrumented came later: then all accesses are of one engine.
TEST_F(WatchedVariables, InstrumentedCodeRacesWithThemFromItsArrivalOn) {
  as(a);
  write(memory.at(0), 8);
  ASSERT_TRUE(start_native());
  as(b);
  __tsan_write8(memory.at(0));
  EXPECT_EQ(races(), 1U);
  release(a, memory.at(64));
  as(a);
  read(memory.at(0), 8);
  EXPECT_EQ(races(), 2U);  // with b's
}

// An instrumented build tells of a Traced<T> twice: by its probe, and by the access itself.
TEST_F(RaceEngine, AVariableThatIsToldTwiceRacesOnce) {
  as(a);
  vigil_probe_variable_write(memory.at(0), 8);
  __tsan_write8(memory.at(0));
  as(b);
  vigil_probe_variable_read(memory.at(0), 8);
  __tsan_read8(memory.at(0));
  EXPECT_EQ(races(), 1U);
}

TEST_F(WatchedVariables, ManyThreadsMayHaveTheirOwn) {
  counts_only = true;
  told_by_threads = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (std::size_t i = 0; i < 5000; ++i) {
        char* const own = memory.at(4096 * (t + 1) + i % 64 * 8);
        vigil_probe_variable_make(own, 8);
        write(own, 8);
        read(memory.at(i % 64 * 8), 8);
        vigil_probe_variable_destroy(own, 8);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told_by_threads, 0U);
}

}  // namespace
}  // namespace vigil::shim::race
