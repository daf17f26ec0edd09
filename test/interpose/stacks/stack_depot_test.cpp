// Interned stacks and the modules their frames lie in.
#include "interpose/stacks/stack_depot.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "interpose/own_memory.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/stacks/modules.hpp"

namespace vigil::shim {
namespace {

std::array<std::uintptr_t, 8> made_up_stack(std::uint64_t number) {
  std::array<std::uintptr_t, 8> frames{};
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i] = 0x1000 + number * (i + 1);
  return frames;
}

TEST(StackDepot, EqualStacksAreOneId) {
  const StackId first = intern_stack(made_up_stack(7));
  EXPECT_NE(first, kNoStack);
  EXPECT_EQ(intern_stack(made_up_stack(7)), first);
  EXPECT_NE(intern_stack(made_up_stack(8)), first);
  const auto frames = made_up_stack(7);
  EXPECT_NE(intern_stack(std::span(frames).first(7)), first);
}

TEST(StackDepot, NoFramesAreNoStack) {
  EXPECT_EQ(intern_stack({}), kNoStack);
  EXPECT_TRUE(frames_of(kNoStack).empty());
  EXPECT_EQ(stable_hash(kNoStack), 0U);
}

TEST(StackDepot, HundredsOfThousandsOfStacksStayApart) {
  constexpr std::uint64_t kStacks = 300'000;
  std::vector<StackId> ids;
  ids.reserve(kStacks);
  for (std::uint64_t i = 0; i < kStacks; ++i) ids.push_back(intern_stack(made_up_stack(0x100000 + i)));
  for (std::uint64_t i = 0; i < kStacks; ++i) {
    const auto expected = made_up_stack(0x100000 + i);
    const auto frames = frames_of(ids[i]);
    ASSERT_TRUE(std::equal(frames.begin(), frames.end(), expected.begin(), expected.end()));
  }
  EXPECT_EQ(std::set<StackId>(ids.begin(), ids.end()).size(), kStacks);
}

// Interns a stack for each leaf of a recursion of that depth in which each call makes three more; how many.
std::size_t recurse(std::vector<std::uintptr_t>& outermost_first, std::size_t depth) {
  if (depth == 0) {
    const std::vector<std::uintptr_t> frames(outermost_first.rbegin(), outermost_first.rend());
    EXPECT_NE(intern_stack(frames), kNoStack);
    return 1;
  }
  std::size_t stacks = 0;
  for (const std::uintptr_t call : {0x20U, 0x30U, 0x40U}) {
    outermost_first.push_back(0x7000 + call);
    stacks += recurse(outermost_first, depth - 1);
    outermost_first.pop_back();
  }
  return stacks;
}

TEST(StackDepot, StacksOfARecursionShareTheirCallers) {
  std::vector<std::uintptr_t> callers(20, 0x5000);
  const std::size_t before = own_memory_mapped();
  const std::size_t stacks = recurse(callers, 11);
  constexpr std::size_t kBytesEach = 96;  // of which 8 are its number's
  EXPECT_LT(own_memory_mapped() - before, stacks * kBytesEach);
}

// A program that calls and returns at random, beside a map of all that it ever was.
TEST(StackDepot, AnyStackIsOneIdAndComesBackAsItWas) {
  std::mt19937 random(20'261'122);  // NOLINT(bugprone-random-generator-seed): the same each time
  const auto draw = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  std::map<std::vector<std::uintptr_t>, StackId> known;
  std::vector<std::uintptr_t> running{0xB000};
  for (int step = 0; step < 60'000; ++step) {
    const std::size_t returns = draw(draw(8) == 0 ? running.size() : 2);
    running.resize(running.size() - std::min(returns, running.size() - 1));
    const std::size_t calls = std::min(draw(4), kMaxFrames - running.size());
    for (std::size_t i = 0; i < calls; ++i) running.push_back(0xB000 + draw(5) * 16);
    const std::vector<std::uintptr_t> frames(running.rbegin(), running.rend());
    const StackId id = intern_stack(frames);
    ASSERT_EQ(known.emplace(frames, id).first->second, id);
  }
  std::set<StackId> ids;
  for (const auto& [frames, id] : known) {
    ids.insert(id);
    const auto found = frames_of(id);
    ASSERT_TRUE(std::equal(found.begin(), found.end(), frames.begin(), frames.end()));
    for (std::size_t i = 0; i < frames.size(); ++i) ASSERT_EQ(locate(id, i).offset, frames[i]);
    ASSERT_EQ(locate(id, frames.size()).offset, 0U);
  }
  EXPECT_EQ(ids.size(), known.size());
}

TEST(StackDepot, ThreadsThatInternTheSameStacksGetTheSameIds) {
  constexpr std::uint64_t kStacks = 20'000;
  std::array<std::vector<StackId>, 4> ids;
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  threads.reserve(ids.size());
  for (auto& mine : ids) {
    threads.emplace_back([&mine, &go] {
      while (!go.load()) {
      }
      for (std::uint64_t i = 0; i < kStacks; ++i) mine.push_back(intern_stack(made_up_stack(0x900000 + i)));
    });
  }
  go = true;
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : ids) EXPECT_EQ(mine, ids[0]);
}

// ---- modules
// ----------------------------------------------------------------------------------------------------------

std::uintptr_t address_of(const char* symbol) { return reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, symbol)); }

TEST(Modules, ProgramIsNamedByItsFile) {
  const ModuleOffset here = locate(reinterpret_cast<std::uintptr_t>(&made_up_stack));
  ASSERT_NE(here.module, 0U);
  const ModuleInfo& info = module_info(here.module);
  EXPECT_TRUE(info.is_program);
  EXPECT_EQ(info.path[0], '/');
  EXPECT_EQ(std::string_view(info.path).find("/proc"), std::string_view::npos);
  EXPECT_LT(here.offset, info.size);
  EXPECT_EQ(here.offset + info.bias, reinterpret_cast<std::uintptr_t>(&made_up_stack));
}

TEST(Modules, LibraryHasPathAndBuildId) {
  const ModuleOffset libc = locate(address_of("qsort"));
  ASSERT_NE(libc.module, 0U);
  const ModuleInfo& info = module_info(libc.module);
  EXPECT_NE(std::string_view(info.path).find("libc.so"), std::string_view::npos);
  EXPECT_EQ(std::string_view(info.build_id).size(), 40U);
  EXPECT_FALSE(info.is_program);
  EXPECT_FALSE(info.is_vigil);
}

TEST(Modules, AddressOutsideEveryModuleIsInNone) {
  const int on_the_stack = 0;
  const auto address = reinterpret_cast<std::uintptr_t>(&on_the_stack);
  EXPECT_EQ(locate(address).module, 0U);
  EXPECT_EQ(locate(address).offset, address);
}

TEST(Modules, UnloadedLibraryKeepsItsNumberAndItsFrames) {
  void* const library = dlopen(VIGIL_TEST_PLUGIN, RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  modules_changed();
  const auto inside = reinterpret_cast<std::uintptr_t>(dlsym(library, "vigil_test_plugin"));
  const std::array<std::uintptr_t, 2> frames = {inside, reinterpret_cast<std::uintptr_t>(&made_up_stack)};
  const StackId before = intern_stack(frames);
  const ModuleOffset place = locate(before, 0);
  ASSERT_NE(place.module, 0U);
  const std::uint64_t hash = stable_hash(before);
  dlclose(library);
  modules_changed();
  EXPECT_EQ(locate(inside).module, place.module);
  EXPECT_EQ(locate(before, 0).module, place.module);
  EXPECT_EQ(locate(before, 0).offset, place.offset);
  // The same addresses may hold other code from now on, so they are another stack.
  EXPECT_NE(intern_stack(frames), before);
  EXPECT_EQ(stable_hash(before), hash);
}

std::uint64_t hash_of_this_place() { return stable_hash(capture_stack()); }

// Runs itself once more, with what `setarch` says about address randomisation, and returns the line it prints.
std::string run_self(const char* prefix) {
  std::array<char, 4096> self{};
  if (readlink("/proc/self/exe", self.data(), self.size() - 1) <= 0) return "no self";
  const std::string command =
      std::string("VIGIL_TEST_PRINT_HASH=1 ") + prefix + " '" + self.data() + "' --gtest_filter=StableHash.Printed";
  FILE* const pipe = popen(command.c_str(), "r");
  std::string line;
  std::array<char, 256> text{};
  while (fgets(text.data(), text.size(), pipe) != nullptr) {
    if (std::string_view(text.data()).starts_with("hash ")) line = text.data();
  }
  pclose(pipe);
  return line;
}

TEST(StableHash, Printed) {
  if (std::getenv("VIGIL_TEST_PRINT_HASH") == nullptr) GTEST_SKIP() << "the other half of the next test";
  // Outermost frames lie in libc, inner ones in the program: both move under address randomisation.
  std::printf("hash %llx\n", static_cast<unsigned long long>(hash_of_this_place()));
}

TEST(StableHash, IsTheSameInEveryRun) {
  const std::string first = run_self("");
  EXPECT_TRUE(first.starts_with("hash ")) << first;
  EXPECT_EQ(run_self(""), first);
  EXPECT_EQ(run_self("setarch -R"), first);
}

}  // namespace
}  // namespace vigil::shim
