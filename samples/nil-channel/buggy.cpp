// A logger was meant to have a channel for lines and one for flushes, but nobody ever made them: both handles are nil.
// Sending and receiving on a nil channel block for ever.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

struct Logger {
  Channel<std::string> lines;
  Channel<int> flushes;
};

}  // namespace

int main() {
  const Logger logger;
  vigil::go([=] { logger.lines.send("started"); });
  vigil::go([=] { (void)logger.flushes.receive(); });
  std::printf("running\n");
}
