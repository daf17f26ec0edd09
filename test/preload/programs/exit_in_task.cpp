// A task ends the program with exit(3) while another is blocked for ever.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

[[gnu::noinline]] void wait_for_work(const vigil::Channel<int>& work) {
  (void)work.receive();  // frame: leak
  std::puts("work");
}

}  // namespace

int main() {
  const vigil::Channel<int> work(0);
  const vigil::Channel<int> never(0);
  vigil::go([work] {
    wait_for_work(work);
    std::puts("never");
  });
  vigil::go([] {
    std::puts("leaving");
    std::exit(3);
  });
  (void)never.receive();
}
