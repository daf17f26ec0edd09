// A counter is guarded by a channel: who wants it sends a token and takes it back afterwards. The channel is
// unbuffered, so the send waits for a receiver, and the only one would be the sender itself.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::Unit;

namespace {

class Counter {
 public:
  void add(int n) {
    token_.send(Unit{});
    value_ += n;
    (void)token_.receive();
  }
  [[nodiscard]] int value() const { return value_; }

 private:
  Channel<Unit> token_{0};
  int value_ = 0;
};

}  // namespace

int main() {
  Counter counter;
  vigil::WaitGroup tasks;
  tasks.go([&] { counter.add(1); });
  tasks.wait();
  std::printf("%d\n", counter.value());
}
