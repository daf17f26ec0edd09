// shop close|forget|hang: a task that ends, one that is left behind, and one that never lets go.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  const std::string_view way = argc > 1 ? argv[1] : "";
  vigil::Channel<int> orders(0);
  vigil::WaitGroup clerks;
  if (way == "forget") {
    vigil::go([=] { (void)orders.receive(); });
  } else {
    clerks.go([=] {
      for (const int order : orders) std::printf("order %d\n", order);
    });
    orders.send(1);
    orders.close();
    clerks.wait();
  }
  while (way == "hang") vigil::yield();
}
