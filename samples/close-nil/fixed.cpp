// The remedy: the channel is made with the object that owns it, so that there is always one to close.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::Unit;

namespace {

class Server {
 public:
  void stop() {
    stopping_.close();
    std::printf("stopped\n");
  }

 private:
  Channel<Unit> stopping_{0};
};

}  // namespace

int main() {
  Server server;
  vigil::WaitGroup shutdown;
  shutdown.go([&] { server.stop(); });
  shutdown.wait();
}
