#include "interpose/own_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

namespace vigil::shim {
namespace {

struct Block {
  unsigned char* at;
  std::size_t bytes;
  std::size_t alignment;
  unsigned char fill;
};

bool holds_its_fill(const Block& block) {
  for (std::size_t i = 0; i < block.bytes; ++i) {
    if (block.at[i] != block.fill) return false;
  }
  return true;
}

// Allocates and frees at random, and looks whether blocks keep what was written to them.
void churn(std::uint64_t seed, int steps) {
  std::mt19937_64 random(seed);
  std::vector<Block> blocks;
  for (int step = 0; step < steps; ++step) {
    if (blocks.size() < 200 && random() % 5 != 0) {
      const std::size_t bytes = 1 + (random() % 20 == 0 ? random() % 300'000 : random() % 700);
      const std::size_t alignment = std::size_t{1} << (random() % 13);  // 1 .. 4096
      const auto fill = static_cast<unsigned char>(random());
      auto* const at = static_cast<unsigned char*>(own_allocate(bytes, alignment));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % alignment, 0U) << bytes << " bytes at " << alignment;
      std::memset(at, fill, bytes);
      blocks.push_back({at, bytes, alignment, fill});
    } else if (!blocks.empty()) {
      const std::size_t victim = random() % blocks.size();
      ASSERT_TRUE(holds_its_fill(blocks[victim])) << "a block of " << blocks[victim].bytes << " bytes was written over";
      own_free(blocks[victim].at, blocks[victim].bytes, blocks[victim].alignment);
      blocks[victim] = blocks.back();
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) {
    ASSERT_TRUE(holds_its_fill(block));
    own_free(block.at, block.bytes, block.alignment);
  }
}

TEST(OwnMemory, ASparseTableIsMemoryOnlyWhereItIsUsed) {
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kPages = 100;
  struct Table {
    std::uint64_t words[kPages * kPage / sizeof(std::uint64_t)];
  };
  const auto in_memory = [](Table* table) {
    std::vector<unsigned char> pages(kPages);
    EXPECT_EQ(mincore(table, sizeof(Table), pages.data()), 0);
    return std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1U) != 0; });
  };
  auto* const table = own_new_sparse<Table>();
  EXPECT_EQ(in_memory(table), 0);
  table->words[1000] = 1;
  EXPECT_EQ(in_memory(table), 1);
  EXPECT_EQ(std::count(std::begin(table->words), std::end(table->words), 0U), std::ssize(table->words) - 1);
  own_delete(table);
}

TEST(OwnMemory, BlocksAreAlignedAndNeverOverlap) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  churn(seed, 20'000);
}

TEST(OwnMemory, BlocksOfSeveralThreadsNeverOverlap) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) threads.emplace_back([=] { churn(seed + i, 20'000); });
  for (std::thread& thread : threads) thread.join();
}

TEST(OwnMemory, FreedBlocksAreUsedAgain) {
  for (int i = 0; i < 1000; ++i) own_free(own_allocate(64), 64);
  const std::size_t before = own_memory_mapped();
  for (int i = 0; i < 1'000'000; ++i) own_free(own_allocate(64), 64);
  EXPECT_EQ(own_memory_mapped(), before);
}

TEST(OwnMemory, BlocksFreedByAnotherThreadComeBack) {
  // One thread only allocates and one only frees: what piles up with the second must get back to the first.
  constexpr int kRounds = 2000;
  constexpr int kBlocks = 100;
  const std::size_t before = own_memory_mapped();
  for (int round = 0; round < kRounds; ++round) {
    std::vector<void*> blocks;
    blocks.reserve(kBlocks);
    for (int i = 0; i < kBlocks; ++i) blocks.push_back(own_allocate(256));
    std::thread([&] {
      for (void* block : blocks) own_free(block, 256);
    }).join();
  }
  EXPECT_LT(own_memory_mapped() - before, std::size_t{16} << 20);  // all of them together were 50 MB
}

TEST(OwnMemory, WhatAThreadKeptForItselfIsEverybodysWhenItEnds) {
  // Of each size a few blocks: 500 threads that took what they kept with them would take 15 MB.
  const auto touch_all_sizes = [] {
    for (std::size_t bytes = 16; bytes <= 512; bytes += 16) own_free(own_allocate(bytes), bytes);
    give_back_kept_memory();
    own_free(own_allocate(64), 64);  // it may still do that
  };
  std::thread(touch_all_sizes).join();
  const std::size_t before = own_memory_mapped();
  for (int i = 0; i < 500; ++i) std::thread(touch_all_sizes).join();
  EXPECT_LT(own_memory_mapped() - before, std::size_t{6} << 20U);
}

TEST(OwnMemory, LargeBlocksGoBackToTheSystem) {
  const std::size_t before = own_memory_mapped();
  void* const block = own_allocate(std::size_t{10} << 20);
  EXPECT_GE(own_memory_mapped() - before, std::size_t{10} << 20);
  own_free(block, std::size_t{10} << 20);
  EXPECT_EQ(own_memory_mapped(), before);
}

TEST(OwnMemory, ContainersWork) {
  OwnMap<int, OwnVector<int>> map;
  for (int i = 0; i < 10'000; ++i) map[i % 100].push_back(i);
  ASSERT_EQ(map.size(), 100U);
  for (const auto& [key, values] : map) {
    ASSERT_EQ(values.size(), 100U);
    ASSERT_EQ(values.front(), key);
  }
}

// Takes all the address space there is, then asks for more than the reserve has.
[[noreturn]] void use_up_all_memory() {
  own_free(own_allocate(64), 64);
  const rlimit none{0, RLIM_INFINITY};
  setrlimit(RLIMIT_AS, &none);
  // The reserve gives room to get out of where we are.
  auto* const block = static_cast<char*>(own_allocate(std::size_t{40} << 10));
  std::memset(block, 1, std::size_t{40} << 10);
  for (int i = 0; i < 10'000; ++i) own_allocate(4096);
  std::_Exit(0);
}

TEST(OwnMemoryDeathTest, AProgramWithoutAnyMemoryLeftEndsWithOneClearStatus) {
  EXPECT_EXIT(use_up_all_memory(), testing::ExitedWithCode(134), "");
}

}  // namespace
}  // namespace vigil::shim
