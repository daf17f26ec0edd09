// main collects the results under the lock that the workers need to put them there: it waits for them, and they wait
// for the lock.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>
#include <vector>

int main() {
  vigil::Mutex lock;
  std::vector<int> results;
  vigil::WaitGroup workers;
  const std::scoped_lock held(lock);
  for (int worker = 0; worker < 3; ++worker) {
    workers.go([&, worker] {
      const std::scoped_lock mine(lock);
      results.push_back(worker);
    });
  }
  workers.wait();
  std::printf("%zu results\n", results.size());
}
