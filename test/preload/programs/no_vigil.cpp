// Uses nothing of vigil: threads, a mutex, exceptions, output. Under the shim it must not even notice.
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

int main(int argc, char**) {
  std::mutex lock;
  long sum = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) {
        try {
          if (i % 100 == 0) throw std::runtime_error("round");
          const std::scoped_lock held(lock);
          sum += t;
        } catch (const std::exception&) {
          const std::scoped_lock held(lock);
          --sum;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("sum %ld\n", sum);
  std::fprintf(stderr, "done\n");
  return argc > 1 ? 5 : 0;
}
