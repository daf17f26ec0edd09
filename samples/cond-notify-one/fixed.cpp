// The remedy: notify_all, for what has changed concerns all who wait.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

using vigil::Channel;

namespace {

struct Gate {
  vigil::Mutex lock;
  vigil::Cond opened;
  bool open = false;
};

}  // namespace

int main() {
  Gate gate;
  const Channel<int> waiting(0);
  const Channel<int> inside(3);
  vigil::WaitGroup visitors;
  for (int visitor = 0; visitor < 3; ++visitor) {
    visitors.go([&, visitor] {
      std::unique_lock held(gate.lock);
      waiting.send(visitor);
      gate.opened.wait(held, [&] { return gate.open; });
      inside.send(visitor);
    });
  }
  for (int visitor = 0; visitor < 3; ++visitor) (void)waiting.receive();
  {
    const std::scoped_lock held(gate.lock);
    gate.open = true;
  }
  gate.opened.notify_all();
  visitors.wait();
  std::printf("open\n");
}
