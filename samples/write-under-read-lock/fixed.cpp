// A cache whose reads count themselves takes the whole lock.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

namespace {

struct Cache {
  vigil::RwMutex lock;
  int value = 42;
  int hits = 0;

  int get() {
    const std::scoped_lock held(lock);
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
