// service#counter: requests count themselves under a lock, and a page of statistics reads the count without.
// Fix: read it under the lock.
//
// expect: data-race
// schedule: every
#include <vector>

#include "test/kernels/kernel.hpp"

namespace kernels::service_counter {
namespace {

struct Statistics {
  Mutex lock;
  int served = 0;
  std::vector<int> latencies;

  void record(int latency) {
    const std::scoped_lock held(lock);
    ++served;  // here
    latencies.push_back(latency);
  }
  int page(Form form) {
    std::unique_lock held(lock, std::defer_lock);
    if (form == Form::Fixed) held.lock();
    return served;  // here
  }
};

void run(Form form) {
  auto* const statistics = kept<Statistics>();
  WaitGroup requests;
  for (int request = 0; request < 10; ++request) requests.go([=] { statistics->record(request); });
  (void)statistics->page(form);
  requests.wait();
}

const Kernel kKernel("service#counter", run);

}  // namespace
}  // namespace kernels::service_counter
