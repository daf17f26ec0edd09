// The remedy: a receiver first. An unbuffered send needs somebody on the other side.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

int main() {
  Channel<int> numbers(0);
  vigil::WaitGroup receiver;
  receiver.go([=] { std::printf("got %d\n", numbers.receive_or_zero()); });
  numbers.send(1);
  receiver.wait();
}
