// Ten customers pay at one till, one at a time: instrumented, alone and under the shim.
#include <vigil/vigil.hpp>

#include <atomic>
#include <cstdio>
#include <mutex>

#include "till.h"

int main() {
  vigil::Mutex at_the_till;
  vigil::WaitGroup customers;
  std::atomic<int> served{0};
  for (int i = 1; i <= 10; ++i) {
    customers.go([&at_the_till, &served, i] {
      const std::scoped_lock mine(at_the_till);
      till_take(i);
      ++served;
    });
  }
  customers.wait();
  std::printf("%d served, %ld cents\n", served.load(), till_holds());
  return served == 10 && till_holds() == 55 ? 0 : 1;
}
