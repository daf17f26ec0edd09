// As in buggy.cpp, which is correct; here with range-for, which ends at the close by itself.
#include <vigil/vigil.hpp>

#include <cstdio>

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
      for (const int number : numbers) sum += number;
      sums.send(sum);
    });
  }
  readers.wait();
  int total = 0;
  for (int reader = 0; reader < 3; ++reader) total += sums.receive_or_zero();
  std::printf("%d\n", total);
}
