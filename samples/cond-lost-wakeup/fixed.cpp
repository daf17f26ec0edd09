// The remedy: the consumer waits with a predicate, which looks before it waits.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

using vigil::Channel;
using vigil::Unit;

namespace {

struct Queue {
  vigil::Mutex lock;
  vigil::Cond filled;
  int items = 0;
};

}  // namespace

int main() {
  Queue queue;
  const Channel<Unit> told(0);
  vigil::WaitGroup consumers;
  consumers.go([&] {
    (void)told.receive();
    std::unique_lock held(queue.lock);
    queue.filled.wait(held, [&] { return queue.items > 0; });
    std::printf("%d items\n", queue.items);
  });
  {
    const std::scoped_lock held(queue.lock);
    queue.items = 3;
  }
  queue.filled.notify_one();
  told.close();
  consumers.wait();
}
