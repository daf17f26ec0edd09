// The remedy: a small bound, and somebody who takes the records out; a producer that is too fast waits for it.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

int main() {
  Channel<int> audit(16);
  vigil::WaitGroup tasks;
  tasks.go([=] {
    for (int record = 0; record < 1001; ++record) audit.send(record);
    audit.close();
  });
  int written = 0;
  tasks.go([=, &written] {
    while (audit.receive()) ++written;
  });
  tasks.wait();
  std::printf("%d records\n", written);
}
