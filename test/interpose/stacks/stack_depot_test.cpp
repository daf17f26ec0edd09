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
