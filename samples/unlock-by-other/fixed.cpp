// The remedy: a Semaphore has no owner; one thread may take it and another give it back.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <thread>

int main() {
  vigil::Semaphore cache(1);
  cache.acquire(1);
  std::thread download([&] {
    std::printf("file is there\n");
    cache.release(1);
  });
  download.join();
  cache.acquire(1);
  std::printf("cache is free\n");
  cache.release(1);
}
