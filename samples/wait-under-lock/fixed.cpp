// The remedy: main waits first and locks afterwards.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>
#include <vector>

int main() {
  vigil::Mutex lock;
  std::vector<int> results;
  vigil::WaitGroup workers;
  for (int worker = 0; worker < 3; ++worker) {
    workers.go([&, worker] {
      const std::scoped_lock mine(lock);
      results.push_back(worker);
    });
  }
  workers.wait();
  const std::scoped_lock held(lock);
  std::printf("%zu results\n", results.size());
}
