// Plain threads only: two of them receive from channels that each would send on afterwards, and main joins them.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <thread>

namespace {

[[gnu::noinline]] void swap_values(const vigil::Channel<int>& in, const vigil::Channel<int>& out) {
  const int got = in.receive_or_zero();  // frame: waits
  std::printf("got %d\n", got);
  out.send(1);
}

}  // namespace

int main() {
  const vigil::Channel<int> ab(0);
  const vigil::Channel<int> ba(0);
  std::thread a([&] { swap_values(ba, ab); });
  std::thread b([&] { swap_values(ab, ba); });
  a.join();  // frame: main
  b.join();
}
