// Three caches, each with its lock. Three tasks copy from one to the next, round in a ring, and each locks its source
// before its target. This run survives, because the tasks happen not to meet.
#include <vigil/vigil.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <mutex>

using vigil::Mutex;

namespace {

struct Cache {
  Mutex lock;
  int entries = 0;
};

void copy(Cache& from, Cache& to) {
  const std::scoped_lock source(from.lock);
  const std::scoped_lock target(to.lock);
  to.entries += from.entries;
}

}  // namespace

int main() {
  std::array<Cache, 3> caches;
  for (Cache& cache : caches) cache.entries = 1;
  // What luck does in production: one after the other. It is no synchronisation that anybody could rely on.
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
