// kubernetes#82550: ten requests make the one client that they share when they find none.
// Fix: a Once.
//
// expect: data-race
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_82550 {
namespace {

struct Provider {
  int* client = nullptr;
  int made[10] = {};
  Once once;

  void use(int request, Form form) {
    const auto make = [&] {
      if (client == nullptr) client = &made[request];  // here
    };
    if (form == Form::Fixed) once.call(make);
    if (form == Form::Buggy) make();
    const int used = *client;  // maybe here
    (void)used;
  }
};

void run(Form form) {
  auto* const provider = kept<Provider>();
  for (int request = 0; request < 10; ++request) vigil::go([=] { provider->use(request, form); });
}

const Kernel kKernel("kubernetes#82550", run);

}  // namespace
}  // namespace kernels::kubernetes_82550
