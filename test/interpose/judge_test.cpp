#include "interpose/judge.hpp"

#include <gtest/gtest.h>

namespace vigil::shim {
namespace {

ThreadLook blocked_thread(int tid, CallKind kind = CallKind::Mutex) {
  return {.tid = tid, .kind = kind, .round = 1, .for_ever = true, .kernel = KernelState::Asleep};
}

// main waits, and three tasks are blocked for ever.
Look stuck() {
  Look look;
  look.blocked_tasks = 3;
  look.threads.push_back(blocked_thread(100, CallKind::Primitive));
  return look;
}

TEST(Judge, NothingThatMovesIsADeadlock) { EXPECT_EQ(judge(stuck(), stuck()), Verdict::Deadlock); }

TEST(Judge, OneMovingTaskIsEnoughToGoOn) {
  Look look = stuck();
  look.moving_tasks = 1;
  EXPECT_EQ(judge(look), Verdict::Moves);
}

TEST(Judge, TasksWithoutAWorkerDoNotMoveAsLongAsNoMoreOfThemCome) {
  Look look = stuck();
  look.stranded_tasks = 2;
  EXPECT_EQ(judge(look, look), Verdict::Deadlock);
  EXPECT_EQ(judge(stuck(), look), Verdict::Unclear);
}

TEST(Judge, APendingDeadlineIsEnoughToGoOn) {
  Look look = stuck();
  look.timers = 1;
  EXPECT_EQ(judge(look), Verdict::Moves);
}

TEST(Judge, AnAwakeThreadIsEnoughToGoOn) {
  Look look = stuck();
  look.threads.push_back({.tid = 101, .kind = CallKind::None});
  EXPECT_EQ(judge(look), Verdict::Moves);
}

TEST(Judge, AThreadWhoseWaitEndsByItselfIsEnoughToGoOn) {
  Look look = stuck();
  look.threads.push_back(blocked_thread(101));
  look.threads.back().for_ever = false;
  EXPECT_EQ(judge(look), Verdict::Moves);
}

TEST(Judge, AThreadWeDoNotKnowLeavesItOpen) {
  Look look = stuck();
  look.has_strangers = true;
  EXPECT_EQ(judge(look, look), Verdict::Unclear);
}

TEST(Judge, ASignalHandlerLeavesOpenWhoWaitsForWhatItMayChange) {
  for (const CallKind kind : {CallKind::Semaphore, CallKind::Cond, CallKind::Word, CallKind::OpenWord}) {
    Look look = stuck();
    look.threads.push_back(blocked_thread(101, kind));
    look.has_signal_handlers = true;
    EXPECT_EQ(judge(look, look), Verdict::Unclear);
  }
}

TEST(Judge, ASignalHandlerUnlocksNothing) {
  Look look = stuck();
  look.threads.push_back(blocked_thread(101, CallKind::Mutex));
  look.threads.push_back(blocked_thread(102, CallKind::Join));
  look.has_signal_handlers = true;
  EXPECT_EQ(judge(look, look), Verdict::Deadlock);
}

TEST(Judge, ARuntimeThatDoesNotHoldStillLeavesItOpen) {
  Look look = stuck();
  look.tasks_known = false;
  EXPECT_EQ(judge(look, look), Verdict::Unclear);
}

TEST(Judge, AThreadThatWasWokenButHasNotRunLeavesItOpen) {
  Look look = stuck();
  look.threads[0].kernel = KernelState::Elsewhere;
  EXPECT_EQ(judge(look, look), Verdict::Unclear);
}

TEST(Judge, AThreadThatLeftItsWaitBetweenTheLooksLeavesItOpen) {
  Look second = stuck();
  second.threads[0].round = 3;
  EXPECT_EQ(judge(stuck(), second), Verdict::Unclear);
}

TEST(Judge, ThreadsAloneCanBeDeadlocked) {
  Look look;
  look.threads.push_back(blocked_thread(100));
  look.threads.push_back(blocked_thread(101));
  EXPECT_EQ(judge(look, look), Verdict::Deadlock);
}

TEST(Judge, TasksAreDeadlockedWhenMainIsGone) {
  Look look = stuck();
  look.threads.clear();
  EXPECT_EQ(judge(look, look), Verdict::Deadlock);
}

TEST(Judge, DaemonsAloneAreNoDeadlock) {
  EXPECT_EQ(judge(Look(), Look()), Verdict::Moves);  // daemons are not counted as blocked
}

TEST(Judge, MotionInEitherLookWins) {
  Look moves = stuck();
  moves.moving_tasks = 1;
  EXPECT_EQ(judge(stuck(), moves), Verdict::Moves);
  EXPECT_EQ(judge(moves, stuck()), Verdict::Unclear);
}

}  // namespace
}  // namespace vigil::shim
