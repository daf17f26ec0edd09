// The printer task waits until all pages are laid out. It is started first, when no page has been counted yet: its wait
// returns at once.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::WaitGroup;

int main() {
  WaitGroup pages;
  Channel<int> printed(1);
  vigil::go([=, &pages] {
    pages.wait();
    printed.send(1);
  });
  for (int page = 0; page < 3; ++page) {
    pages.add(1);
    vigil::go([&pages] { pages.done(); });
  }
  (void)printed.receive();
  pages.wait();
  std::printf("printed\n");
}
