// Three lines are to be logged through a buffer of two, and the logger is started after the last of them: the third
// send waits for room that nobody makes.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

int main() {
  Channel<std::string> lines(2);
  lines.send("starting");
  lines.send("reading configuration");
  lines.send("ready");
  vigil::WaitGroup logger;
  logger.go([=] {
    for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  });
  lines.close();
  logger.wait();
}
