// service#limiter: a limiter refills its bucket now and then; the account of a client and the bucket have a lock each,
// and the refill takes them the other way round than a request.
// Fix: one order.
//
// expect: lock-cycle
// may: deadlock
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::service_limiter {
namespace {

struct Client {
  Mutex lock;
  int used = 0;
};

struct Limiter {
  Mutex lock;
  int tokens = 2;
  Client client;

  bool take() {
    const std::scoped_lock bucket(lock);
    if (tokens == 0) return false;
    --tokens;
    const std::scoped_lock account(client.lock);  // maybe here
    ++client.used;
    return true;
  }
  void refill(Form form) {
    std::unique_lock account(client.lock, std::defer_lock);
    if (form == Form::Buggy) account.lock();
    const std::scoped_lock bucket(lock);  // here
    if (form == Form::Fixed) account.lock();
    tokens = 2;
    client.used = 0;
  }
};

void run(Form form) {
  Limiter limiter;
  WaitGroup tasks;
  tasks.go([&limiter, form] {
    for (int round = 0; round < 8; ++round) {
      vigil::sleep_for(100us);
      limiter.refill(form);
    }
  });
  for (int request = 0; request < 8; ++request) {
    if (!limiter.take()) vigil::sleep_for(50us);
  }
  tasks.wait();
}

const Kernel kKernel("service#limiter", run);

}  // namespace
}  // namespace kernels::service_limiter
