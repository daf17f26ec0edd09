// Three visitors wait at a gate. Opening it notifies one of them; the other two are never told.
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
  static Gate gate;  // outlives main: two visitors never leave it
  const Channel<int> waiting(0);
  const Channel<int> inside(3);
  for (int visitor = 0; visitor < 3; ++visitor) {
    vigil::go([=] {
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
  gate.opened.notify_one();
  (void)inside.receive();
  std::printf("open\n");
}
