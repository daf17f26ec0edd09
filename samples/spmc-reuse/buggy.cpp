// A dispatcher hands out the work of a round on one channel and closes it, so that the workers know the round is over.
// The second round sends on the same channel.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::WaitGroup;

namespace {

void round(const Channel<int>& work, WaitGroup& workers) {
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
  Channel<int> work(0);
  WaitGroup workers;
  WaitGroup dispatcher;
  dispatcher.go([=, &workers] {
    round(work, workers);
    std::printf("first round done\n");
    std::fflush(stdout);
    round(work, workers);
  });
  dispatcher.wait();
}
