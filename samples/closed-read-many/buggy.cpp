// Nothing is wrong here: several tasks receive from one closed channel, each looks whether there was an item, and
// leaves. That is how a close tells any number of receivers that nothing more will come.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;

int main() {
  Channel<int> numbers(4);
  for (int i = 1; i <= 4; ++i) numbers.send(i);
  numbers.close();
  Channel<int> sums(3);
  vigil::WaitGroup readers;
  for (int reader = 0; reader < 3; ++reader) {
    readers.go([=] {
      int sum = 0;
      while (const std::optional<int> number = numbers.receive()) sum += *number;
      sums.send(sum);
    });
  }
  readers.wait();
  int total = 0;
  for (int reader = 0; reader < 3; ++reader) total += sums.receive_or_zero();
  std::printf("%d\n", total);
}
