// A configuration is filled in, and then handed over through a channel.
#include <vigil/vigil.hpp>

#include <cstdio>

namespace {

struct Config {
  int limit = 0;
};

}  // namespace

int main() {
  Config config;
  vigil::Channel<const Config*> current(1);
  vigil::WaitGroup server;
  server.go([=] {
    const Config* const found = current.receive_or_zero();
    if (found->limit > 100) std::printf("too many\n");
  });
  config.limit = 10;
  current.send(&config);
  server.wait();
  std::printf("served\n");
}
