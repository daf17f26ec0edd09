// The remedy: the pages are counted before anybody can wait for them.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::WaitGroup;

int main() {
  WaitGroup pages;
  Channel<int> printed(1);
  pages.add(3);
  vigil::go([=, &pages] {
    pages.wait();
    printed.send(1);
  });
  for (int page = 0; page < 3; ++page) {
    vigil::go([&pages] { pages.done(); });
  }
  (void)printed.receive();
  pages.wait();
  std::printf("printed\n");
}
