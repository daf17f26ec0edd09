// moby#22941: a test's cases share the loop variable that its writers read.
// Fix: hand the case to the writer.
//
// expect: data-race
// schedule: every
#include <array>

#include "test/kernels/kernel.hpp"

namespace kernels::moby_22941 {
namespace {

struct Pipe {
  Mutex lock;
  int written = 0;

  void write(int value) {
    const std::scoped_lock held(lock);
    written += value;
  }
};

void run(Form form) {
  using Pair = std::array<int, 2>;
  auto* const shared = kept<Pair>();  // Go's loop variable, before Go 1.22
  for (const Pair& given : {Pair{1, 2}, Pair{3, 4}}) {
    *shared = given;  // here
    const auto pair = form == Form::Buggy ? shared : kept<Pair>(*shared);
    auto* const pipe = kept<Pipe>();
    vigil::go([=] { pipe->write((*pair)[0]); });  // here
    vigil::sleep_for(1ms);
  }
}

const Kernel kKernel("moby#22941", run);

}  // namespace
}  // namespace kernels::moby_22941
