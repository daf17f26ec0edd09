// A consumer waits for a condition variable to be told of new work. The producer has told it already, before the
// consumer came to wait; a notify is not remembered.
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
  static Queue queue;  // outlives main: the consumer never leaves it
  const Channel<Unit> told(0);
  vigil::go([=] {
    (void)told.receive();
    std::unique_lock held(queue.lock);
    queue.filled.wait(held);
    std::printf("%d items\n", queue.items);
  });
  {
    const std::scoped_lock held(queue.lock);
    queue.items = 3;
  }
  queue.filled.notify_one();
  told.close();
  std::printf("filled\n");
}
