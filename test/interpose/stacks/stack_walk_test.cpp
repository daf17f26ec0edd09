// The walk against libgcc's unwinder, frame by frame, from every kind of frame and from every instruction.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "interpose/stack_capture.hpp"
#include "interpose/stacks/recent_stacks.hpp"
#include "interpose/stacks/unwind.hpp"
#include "interpose/stacks/unwind_rule.hpp"
#include "test/interpose/stacks/frameless.hpp"

namespace vigil::shim {
namespace {

using namespace stacks_test;
using Pcs = std::vector<std::uintptr_t>;

_Unwind_Reason_Code note_frame(_Unwind_Context* context, void* out) {
  int before_instruction = 0;
  const std::uintptr_t ip = _Unwind_GetIPInfo(context, &before_instruction);
  if (ip != 0) static_cast<Pcs*>(out)->push_back(before_instruction != 0 ? ip : ip - 1);
  return _URC_NO_REASON;
}

[[gnu::noinline]] Pcs theirs() {
  Pcs pcs;
  _Unwind_Backtrace(note_frame, &pcs);
  return pcs;
}

Pcs pcs_of(StackId id) {
  const auto frames = frames_of(id);
  return {frames.begin(), frames.end()};
}

int checks = 0;

// Both from one frame: the first pcs differ (two calls), the rest may not.
[[gnu::noinline]] void compare_here() {
  ++checks;
  Pcs expected = theirs();
  Pcs got = pcs_of(capture_stack());
  ASSERT_GE(got.size(), 3U);
  expected.erase(expected.begin(), expected.begin() + 2);  // theirs() itself, and the call to it
  got.erase(got.begin());
  EXPECT_EQ(got, expected);
}

class StackWalk : public testing::Test {
 protected:
  void SetUp() override { checks = 0; }
  void TearDown() override { EXPECT_GT(checks, 0); }
};

TEST_F(StackWalk, AgreesInPlainFrames) {
  plain(compare_here);
  recurse(50, compare_here);
  with_many_live_registers(compare_here);
}
TEST_F(StackWalk, AgreesAboveAllocaOfAnySize) {
  for (const unsigned bytes : {1U, 100U, 5000U, 300000U}) with_alloca(bytes, compare_here);
}
TEST_F(StackWalk, AgreesAboveARealignedStack) { with_realigned_stack(compare_here); }
TEST_F(StackWalk, AgreesAfterATailCall) { through_tail_call(compare_here); }
TEST_F(StackWalk, AgreesThroughLibc) { through_qsort(compare_here); }
TEST_F(StackWalk, AgreesInsideExceptionCleanup) { through_exception_handler(compare_here); }
TEST_F(StackWalk, AgreesOnAThread) {
  std::thread([] { recurse(5, compare_here); }).join();
}

TEST_F(StackWalk, AgreesInsideASignalHandler) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { plain(compare_here); };
  sigaction(SIGUSR1, &action, &before);
  recurse(3, [] { raise(SIGUSR1); });
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(StackWalk, AgreesOnAnAlternateSignalStack) {
  std::vector<char> memory(256 << 10);
  stack_t own{.ss_sp = memory.data(), .ss_flags = 0, .ss_size = memory.size()};
  stack_t old{};
  sigaltstack(&own, &old);
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { plain(compare_here); };
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, &before);
  recurse(3, [] { raise(SIGUSR1); });
  sigaction(SIGUSR1, &before, nullptr);
  sigaltstack(&old, nullptr);
}

// ---- every instruction
// ------------------------------------------------------------------------------------------------

int differing_instructions = 0;
int stepped_instructions = 0;
std::string first_difference;

// Runs after each instruction of what is stepped through: the walk starts there, in the middle of prologues, epilogues,
// PLT stubs.
void on_trap(int, siginfo_t*, void*) {
  ++stepped_instructions;
  Pcs expected = theirs();
  Pcs got = pcs_of(capture_stack());
  // Up to the signal frame the two stand in different places; from the interrupted frame on they must agree.
  expected.erase(expected.begin(), expected.begin() + 2);
  got.erase(got.begin());
  if (got == expected) return;
  if (differing_instructions++ == 0) {
    for (const auto pc : got) first_difference += " " + std::to_string(pc);
    first_difference += " /";
    for (const auto pc : expected) first_difference += " " + std::to_string(pc);
  }
}

TEST(StackWalkSteps, AgreesAtEveryInstruction) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &action, &before);
  asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");  // the trap flag
  const int sum = busy(2);
  asm volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
  sigaction(SIGTRAP, &before, nullptr);
  EXPECT_NE(sum, 0);
  EXPECT_GT(stepped_instructions, 500);
  EXPECT_EQ(differing_instructions, 0) << "of " << stepped_instructions << ":" << first_difference;
}

// ---- where nothing helps
// ----------------------------------------------------------------------------------------------

Pcs last_stack;
void keep_stack() { last_stack = pcs_of(capture_stack()); }

TEST(StackWalkLimits, FramePointerHelpsWhereThereIsNoTable) {
  plain([] { vigil_test_untabled_with_frame(keep_stack); });
  const Pcs through = last_stack;
  plain(keep_stack);
  // keep_stack, the assembly, and then all that lies outside `plain` (called from two places of this test).
  ASSERT_GE(through.size(), last_stack.size());
  const auto code = reinterpret_cast<std::uintptr_t>(&vigil_test_untabled_with_frame);
  EXPECT_TRUE(through[1] >= code && through[1] < code + 20);
  EXPECT_TRUE(std::equal(last_stack.rbegin(), last_stack.rend() - 3, through.rbegin()));
}

TEST(StackWalkLimits, EndsWhereNeitherTableNorFramePointerHelps) {
  plain([] { vigil_test_untabled_without_frame(keep_stack); });
  EXPECT_EQ(last_stack.size(), 2U);  // keep_stack and the assembly that called it
}

struct Counter {
  std::size_t frames = 0;
  bool visit(std::uintptr_t) noexcept { return ++frames < 10000; }
  void restarted() noexcept { frames = 0; }
};

TEST(StackWalkLimits, NoRegistersWhateverMakeItReadWhatMayNotBeRead) {
  // Two pages of random words, between two that may not be touched.
  constexpr std::size_t kPage = 4096;
  auto* const area = static_cast<char*>(mmap(nullptr, 4 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(area, MAP_FAILED);
  ASSERT_EQ(mprotect(area + kPage, 2 * kPage, PROT_READ | PROT_WRITE), 0);
  const auto low = reinterpret_cast<std::uintptr_t>(area) + kPage;
  auto* const words = reinterpret_cast<std::uint64_t*>(low);
  const std::array<std::uintptr_t, 6> code = {
      reinterpret_cast<std::uintptr_t>(&plain),      reinterpret_cast<std::uintptr_t>(&with_alloca),
      reinterpret_cast<std::uintptr_t>(&busy),       reinterpret_cast<std::uintptr_t>(&std::qsort),
      reinterpret_cast<std::uintptr_t>(&keep_stack), reinterpret_cast<std::uintptr_t>(&with_realigned_stack)};
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20000; ++round) {
    if (round % 100 == 0) {
      for (std::size_t i = 0; i < 2 * kPage / 8; ++i) {
        const auto kind = random() % 3;
        words[i] = kind == 0   ? low + random() % (2 * kPage) / 8 * 8
                   : kind == 1 ? code[random() % 6] + random() % 200
                               : random();
      }
    }
    unwind::Registers start;
    for (std::size_t reg = 0; reg < unwind::kRegisters; ++reg) start.set(reg, low + random() % (2 * kPage) / 8 * 8);
    start.set(unwind::Reg::Rip, code[random() % 6] + random() % 200);
    if (round % 7 == 0) start.set(unwind::Reg::Rbp, random());
    unwind::StackWindow window(start.get(unwind::Reg::Rsp));
    Counter counter;
    unwind::walk(start, window, counter);
    EXPECT_GE(counter.frames, 1U);
  }
  munmap(area, 4 * kPage);
}

TEST(StackWalkLimits, DeepStacksKeepBothEnds) {
  recurse(10, keep_stack);
  const Pcs shallow = last_stack;
  recurse(3000, keep_stack);
  ASSERT_EQ(last_stack.size(), kMaxFrames);
  EXPECT_EQ(last_stack.back(), shallow.back());
  EXPECT_EQ(last_stack.front(), shallow.front());
  // The whole outer end, down to the first recursive frame, and recursion only in between.
  const auto outer = std::mismatch(last_stack.rbegin(), last_stack.rend(), shallow.rbegin(), shallow.rend());
  EXPECT_GE(outer.first - last_stack.rbegin(), 3);
  EXPECT_EQ(std::count(last_stack.begin() + 5, last_stack.begin() + 110, last_stack[60]), 105);
}

// ---- parked stacks
// ----------------------------------------------------------------------------------------------------

struct Coroutine {
  ucontext_t self{};
  ucontext_t back{};
  std::vector<char> stack = std::vector<char>(64 << 10);
  Pcs running;
};
Coroutine* coroutine = nullptr;

[[gnu::noinline]] void park() {
  coroutine->running = pcs_of(capture_stack());
  swapcontext(&coroutine->self, &coroutine->back);
  asm volatile("" ::: "memory");
}

TEST(ParkedStack, IsTheStackItHadWhenItParked) {
  Coroutine here;
  coroutine = &here;
  getcontext(&here.self);
  here.self.uc_stack = {.ss_sp = here.stack.data(), .ss_flags = 0, .ss_size = here.stack.size()};
  here.self.uc_link = &here.back;
  makecontext(
      &here.self, +[] { recurse(4, [] { with_many_live_registers(park); }); }, 0);
  swapcontext(&here.back, &here.self);

  const auto reg = [&](int which) { return static_cast<std::uint64_t>(here.self.uc_mcontext.gregs[which]); };
  const vigil_probe_registers saved{.rip = reg(REG_RIP),
                                    .rsp = reg(REG_RSP),
                                    .rbp = reg(REG_RBP),
                                    .rbx = reg(REG_RBX),
                                    .r12 = reg(REG_R12),
                                    .r13 = reg(REG_R13),
                                    .r14 = reg(REG_R14),
                                    .r15 = reg(REG_R15)};
  const auto low = reinterpret_cast<std::uintptr_t>(here.stack.data());
  const Pcs parked = pcs_of(capture_parked(saved, low, low + here.stack.size()));
  ASSERT_EQ(parked.size(), here.running.size());
  // The innermost is a few instructions further on, at the switch instead of the capture.
  EXPECT_TRUE(std::equal(parked.begin() + 1, parked.end(), here.running.begin() + 1));
  // Registers that point outside the stack give no stack, whatever they say.
  EXPECT_EQ(capture_parked(saved, low, low + 8), kNoStack);
}

// ---- the cache
// --------------------------------------------------------------------------------------------------------

TEST(UnwindRule, CachedAnswerIsTheTablesAnswer) {
  for (int round = 0; round < 3; ++round) {
    for (std::uintptr_t offset = 0; offset < 64; ++offset) {
      const std::uintptr_t pc = reinterpret_cast<std::uintptr_t>(&busy) + offset;
      EXPECT_EQ(unwind::rule_cache.at(pc).word(), unwind::make_rule(pc).word());
    }
    if (round == 1) unwind::rule_cache.forget();
  }
}

// A capture first asks whether the stack it saw last at this stack pointer still stands (recent_stacks.hpp): the same
// depths are reached by ever other ways here.
void compare_on_some_way(std::minstd_rand& random) {
  switch (random() % 6) {
    case 0:
      plain(compare_here);
      break;
    case 1:
      recurse(static_cast<int>(random() % 40), compare_here);  // also deeper than what is remembered
      break;
    case 2:
      with_alloca(static_cast<unsigned>(random() % 400), compare_here);
      break;
    case 3:
      with_alloca(16, [] { plain(compare_here); });
      break;
    case 4:
      with_realigned_stack(compare_here);
      break;
    default:
      with_many_live_registers([] { recurse(3, compare_here); });
  }
}

TEST_F(StackWalk, AStackThatWasSeenBeforeIsStillTheRightOne) {
  std::minstd_rand random(20);  // NOLINT(bugprone-random-generator-seed,cert-msc51-cpp): the same ways each time
  for (int i = 0; i < 2000; ++i) compare_on_some_way(random);
}

// Tasks' stacks: what was seen on one is looked for on the others, at the same distance from the end.
class OtherStack {
 public:
  static constexpr std::size_t kBytes = 64 << 10U;

  explicit OtherStack(unsigned seed) : random_(seed) {
    getcontext(&inside_);
    inside_.uc_stack.ss_sp = memory_.data();
    inside_.uc_stack.ss_size = kBytes;
    inside_.uc_link = &outside_;
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&inside_, reinterpret_cast<void (*)()>(&run), 2, static_cast<unsigned>(self),
                static_cast<unsigned>(self >> 32U));
  }
  void go_on() {
    stack_switched(reinterpret_cast<std::uintptr_t>(memory_.data()) + kBytes);
    swapcontext(&outside_, &inside_);
    stack_switched(0);
  }

 private:
  static void run(unsigned low, unsigned high) {
    auto& self = *reinterpret_cast<OtherStack*>(std::uintptr_t{high} << 32U | low);
    for (;;) {
      compare_on_some_way(self.random_);
      swapcontext(&self.inside_, &self.outside_);
    }
  }

  alignas(64) std::array<char, kBytes> memory_{};
  std::minstd_rand random_;
  ucontext_t inside_{};
  ucontext_t outside_{};
};

TEST_F(StackWalk, AStackThatWasSeenOnATaskIsTheRightOneOnAnother) {
  std::vector<std::unique_ptr<OtherStack>> stacks;
  for (unsigned seed = 1; seed <= 4; ++seed) stacks.push_back(std::make_unique<OtherStack>(seed));
  for (int i = 0; i < 2000; ++i) stacks[static_cast<std::size_t>(i) % stacks.size()]->go_on();
}

}  // namespace
}  // namespace vigil::shim
