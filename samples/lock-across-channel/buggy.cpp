// A cache tells its listener of each change while it holds its own lock. The listener looks at the cache for each
// message and needs that lock: it waits for the cache, and the cache waits for it to take the next message.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

using vigil::Channel;

namespace {

struct Cache {
  vigil::Mutex lock;
  int size = 0;
  Channel<int> changes{0};

  void fill(int entries) {
    const std::scoped_lock held(lock);
    for (int i = 0; i < entries; ++i) {
      ++size;
      changes.send(size);
    }
  }
};

void listen(Cache& cache) {
  while (cache.changes.receive()) {
    const std::scoped_lock held(cache.lock);
    std::printf("size is now %d\n", cache.size);
    std::fflush(stdout);
  }
}

}  // namespace

int main() {
  Cache cache;
  vigil::WaitGroup listeners;
  listeners.go([&] { listen(cache); });
  cache.fill(3);
  cache.changes.close();
  listeners.wait();
}
