// A configuration is filled in, and then handed over through a channel.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <memory>

namespace {

struct Config {
  int limit = 0;
};

}  // namespace

int main() {
  const auto config = std::make_unique<Config>();
  vigil::Channel<const Config*> current(1);
  vigil::WaitGroup server;
  server.go([=] {
    const Config* const found = current.receive_or_zero();
    if (found->limit > 100) std::printf("too many\n");
  });
  config->limit = 10;
  current.send(config.get());
  server.wait();
  std::printf("served\n");
}
