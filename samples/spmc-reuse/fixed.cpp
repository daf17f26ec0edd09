// The remedy: a channel for each round.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::WaitGroup;

namespace {

void round(WaitGroup& workers) {
  Channel<int> work(0);
  for (int worker = 0; worker < 2; ++worker) {
    workers.go([=] {
      while (work.receive()) {
      }
    });
  }
  for (int item = 0; item < 4; ++item) work.send(item);
  work.close();
  workers.wait();
}

}  // namespace

int main() {
  WaitGroup workers;
  WaitGroup dispatcher;
  dispatcher.go([&workers] {
    round(workers);
    std::printf("first round done\n");
    std::fflush(stdout);
    round(workers);
  });
  dispatcher.wait();
}
