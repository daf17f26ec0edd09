// The remedy: a mutex around the one line that reads and writes.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

using vigil::Mutex;
using vigil::Traced;

int main() {
  Traced<int> views(0);
  Mutex lock;
  vigil::WaitGroup visitors;
  for (int visitor = 0; visitor < 4; ++visitor) {
    visitors.go([&] {
      for (int page = 0; page < 10; ++page) {
        const std::scoped_lock counting(lock);
        ++views;
      }
    });
  }
  visitors.wait();
  std::printf("counted\n");
}
