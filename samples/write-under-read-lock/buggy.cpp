// A cache is read under the shared lock, and each read counts itself: a write among readers.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>
#include <shared_mutex>

namespace {

struct Cache {
  vigil::RwMutex lock;
  int value = 42;
  int hits = 0;

  int get() {
    const std::shared_lock held(lock);
    ++hits;
    return value;
  }
};

}  // namespace

int main() {
  Cache cache;
  vigil::WaitGroup readers;
  for (int i = 0; i < 4; ++i) {
    readers.go([&] { (void)cache.get(); });
  }
  readers.wait();
  std::printf("value: %d\n", cache.value);
}
