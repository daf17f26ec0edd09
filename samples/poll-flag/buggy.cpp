// A worker looks at a plain bool to learn that it should stop; main sets it.
#include <vigil/vigil.hpp>

#include <cstdio>

int main() {
  bool stop = false;
  vigil::WaitGroup worker;
  worker.go([&] {
    while (!stop) vigil::yield();
  });
  stop = true;
  worker.wait();
  std::printf("stopped\n");
}
