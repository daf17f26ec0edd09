// A configuration is published first and filled in afterwards: who finds it may find it empty.
#include <vigil/vigil.hpp>

#include <atomic>
#include <cstdio>
#include <memory>

namespace {

struct Config {
  int limit = 0;
};

}  // namespace

int main() {
  const auto config = std::make_unique<Config>();
  std::atomic<const Config*> current{nullptr};
  vigil::WaitGroup server;
  server.go([&] {
    const Config* found = nullptr;
    while ((found = current.load()) == nullptr) vigil::yield();
    if (found->limit > 100) std::printf("too many\n");
  });
  current.store(config.get());
  config->limit = 10;
  server.wait();
  std::printf("served\n");
}
