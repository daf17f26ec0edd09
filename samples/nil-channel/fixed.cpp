// The remedy: the channels are made before anybody uses them.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

struct Logger {
  Channel<std::string> lines = Channel<std::string>::make(1);
  Channel<int> flushes = Channel<int>::make(1);
};

}  // namespace

int main() {
  const Logger logger;
  vigil::WaitGroup users;
  users.go([=] { logger.lines.send("started"); });
  logger.flushes.send(1);
  users.go([=] { (void)logger.flushes.receive(); });
  (void)logger.lines.receive();
  users.wait();
  std::printf("running\n");
}
