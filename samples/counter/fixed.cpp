// Ten requests count themselves under a lock.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

int main() {
  int served = 0;
  vigil::Mutex counting;
  vigil::WaitGroup requests;
  for (int i = 0; i < 10; ++i) {
    requests.go([&] {
      const std::scoped_lock held(counting);
      ++served;
    });
  }
  requests.wait();
  std::printf("served: %s\n", served > 0 ? "some" : "none");
}
