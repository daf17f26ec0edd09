// The remedy: the change is made under the lock, and told after unlocking.
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
    for (int i = 0; i < entries; ++i) {
      int now = 0;
      {
        const std::scoped_lock held(lock);
        now = ++size;
      }
      changes.send(now);
    }
  }
};

void listen(Cache& cache) {
  int seen = 0;
  while (cache.changes.receive()) {
    const std::scoped_lock held(cache.lock);
    if (cache.size > 0) ++seen;
  }
  std::printf("%d changes\n", seen);
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
