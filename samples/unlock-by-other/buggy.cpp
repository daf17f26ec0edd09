// A download locks the cache, and the thread that it starts unlocks it when the file is there. A std::mutex belongs to
// the thread that locked it: what this does is undefined, and works by luck.
#include <cstdio>
#include <mutex>
#include <thread>

int main() {
  std::mutex cache;
  cache.lock();
  std::thread download([&] {
    cache.unlock();
    std::printf("file is there\n");
  });
  download.join();
  cache.lock();
  std::printf("cache is free\n");
  cache.unlock();
}
