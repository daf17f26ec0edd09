// etcd#4876: a test shortens a global interval while a task of the test before still makes a ticker of it.
// Fix: hand the interval to the task.
//
// expect: data-race
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::etcd_4876 {
namespace {

long interval = 10;  // seconds

void tick(long period) {
  const vigil::Ticker ticker(std::chrono::seconds{period});
  ticker.stop();
}

void run(Form form) {
  WaitGroup tests;
  tests.go([=] {
    const long given = interval;
    WaitGroup both;
    both.go([] { interval = 3; });  // here
    both.go([=] {
      vigil::go([=] { tick(form == Form::Fixed ? given : interval); });  // here
    });
    both.wait();
  });
  tests.wait();
}

const Kernel kKernel("etcd#4876", run);

}  // namespace
}  // namespace kernels::etcd_4876
