// service#pool: workers decode jobs and hand on what they decoded; one that meets a broken job gives up, and takes
// with it what the collector counts on.
// Fix: report the failure in place of the result.
//
// expect: deadlock
// schedule: every
#include <stdexcept>

#include "test/kernels/kernel.hpp"

namespace kernels::service_pool {
namespace {

int decode(int job) {
  if (job % 25 == 24) throw std::runtime_error("broken");
  return job * job;
}

void run(Form form) {
  const Channel<int> jobs(4);
  const Channel<int> results(4);
  const int count = 100;
  for (int worker = 0; worker < 4; ++worker) {
    vigil::go([=] {
      for (const int job : jobs) {
        try {
          results.send(decode(job));
        } catch (const std::runtime_error&) {
          if (form == Form::Buggy) return;
          results.send(0);
        }
      }
    });
  }
  vigil::go([=] {
    for (int job = 0; job < count; ++job) jobs.send(job);  // maybe here
    jobs.close();
  });
  [[maybe_unused]] int sum = 0;
  for (int i = 0; i < count; ++i) sum += results.receive_or_zero();  // here
}

const Kernel kKernel("service#pool", run);

}  // namespace
}  // namespace kernels::service_pool
