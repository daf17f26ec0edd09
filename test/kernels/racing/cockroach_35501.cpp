// cockroach#35501: checks of a table run in a task each, which all capture the one variable of the loop.
// Fix: a copy for each.
//
// expect: data-race
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_35501 {
namespace {

struct Check {
  int name = 0;
};

void validate(Form form) {
  auto* const shared = kept<Check>();  // Go's loop variable, before Go 1.22
  for (int i = 0; i < 10; ++i) {
    *shared = Check{i};  // here
    const auto check = form == Form::Buggy ? shared : kept<Check>(*shared);
    vigil::go([check] {
      const int name = check->name;  // here
      (void)name;
    });
  }
}

void run(Form form) {
  WaitGroup jobs;
  jobs.go([=] { validate(form); });
  jobs.wait();
}

const Kernel kKernel("cockroach#35501", run);

}  // namespace
}  // namespace kernels::cockroach_35501
