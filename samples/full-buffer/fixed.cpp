// The remedy: start who empties the buffer before filling it. A bounded buffer needs a reader, however large it is.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

int main() {
  Channel<std::string> lines(2);
  vigil::WaitGroup logger;
  logger.go([=] {
    for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  });
  lines.send("starting");
  lines.send("reading configuration");
  lines.send("ready");
  lines.close();
  logger.wait();
}
