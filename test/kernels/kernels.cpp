// kernels NAME buggy|fixed: runs one kernel as a Go test would run it.
#include <cstdio>

#include "test/kernels/kernel.hpp"

int main(int argc, char** argv) {
  using kernels::Form;
  const std::string_view form = argc == 3 ? argv[2] : "";
  const kernels::Kernel* const kernel = argc == 3 ? kernels::Kernel::find(argv[1]) : nullptr;
  if (kernel == nullptr || (form != "buggy" && form != "fixed")) {
    std::fprintf(stderr, "usage: kernels NAME buggy|fixed\n");
    return 2;
  }
  kernel->run(form == "buggy" ? Form::Buggy : Form::Fixed);
  // The grace that a Go test's leak checker gives: what was started may come to its end, or to where it waits for ever.
  // schedule=random ends a sleep when nobody else can go on, so no luck is in this. The corrected form comes to an end.
  for (int round = 0; vigil::task_count() != 0 && (form == "fixed" || round < 5); ++round)
    vigil::sleep_for(std::chrono::milliseconds(2));
}
