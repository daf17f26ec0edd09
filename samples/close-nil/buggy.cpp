// A server's stop channel is made by start(). This server is stopped before it was ever started: the channel is still
// nil, and closing nil panics.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::Unit;

namespace {

class Server {
 public:
  void start() { stopping_ = Channel<Unit>(0); }
  void stop() {
    stopping_.close();
    std::printf("stopped\n");
  }

 private:
  Channel<Unit> stopping_;
};

}  // namespace

int main() {
  Server server;
  vigil::WaitGroup shutdown;
  shutdown.go([&] { server.stop(); });
  shutdown.wait();
}
