// The remedy: one order for all: the cache with the lower number first.
#include <vigil/vigil.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <mutex>

using vigil::Mutex;

namespace {

struct Cache {
  Mutex lock;
  int entries = 0;
};

void copy(Cache& from, Cache& to) {
  const bool in_order = std::less<>()(&from, &to);
  const std::scoped_lock first(in_order ? from.lock : to.lock);
  const std::scoped_lock second(in_order ? to.lock : from.lock);
  to.entries += from.entries;
}

}  // namespace

int main() {
  std::array<Cache, 3> caches;
  for (Cache& cache : caches) cache.entries = 1;
  // As in buggy.cpp: one after the other.
  std::atomic<std::size_t> turn{0};
  vigil::WaitGroup tasks;
  for (std::size_t i = 0; i < caches.size(); ++i) {
    tasks.go([&, i] {
      while (turn.load() != i) vigil::yield();
      copy(caches[i], caches[(i + 1) % caches.size()]);
      turn.store(i + 1);
    });
  }
  tasks.wait();
  std::printf("%d\n", caches[0].entries);
}
