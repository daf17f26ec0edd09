// A worker learns from a channel that it should stop.
#include <vigil/vigil.hpp>

#include <cstdio>

int main() {
  vigil::Channel<vigil::Unit> stop(0);
  vigil::WaitGroup worker;
  worker.go([=] { (void)stop.receive(); });
  stop.close();
  worker.wait();
  std::printf("stopped\n");
}
