// Ten requests count themselves in one plain int. An increment is a read and a write, and two of them can meet.
#include <vigil/vigil.hpp>

#include <cstdio>

int main() {
  int served = 0;
  vigil::WaitGroup requests;
  for (int i = 0; i < 10; ++i) {
    requests.go([&] { ++served; });
  }
  requests.wait();
  std::printf("served: %s\n", served > 0 ? "some" : "none");
}
