// Many threads that allocate, in a program linked to a malloc of its own. Prints what that one saw.
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "test/interpose/ends/own_malloc.hpp"

int main() {
  std::mutex lock;
  std::vector<std::string> words;
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 100; ++j) {
        const std::scoped_lock held(lock);
        words.push_back(std::to_string(i) + std::string(100, 'x'));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const vigil::test::OwnMallocCounts counts = vigil::test::own_malloc_counts();
  std::printf("%zu words, freed some: %d, strangers freed: %u\n", words.size(), counts.freed > 0 ? 1 : 0,
              counts.strangers);
  return 0;
}
