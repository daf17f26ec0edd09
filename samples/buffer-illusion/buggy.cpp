// Audit records go into a large buffer, so recording one never takes long. Nobody ever reads them; it shows when the
// buffer is full, and the task that writes them stops for ever.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

int main() {
  Channel<int> audit(1000);
  Channel<int> progress(0);
  vigil::go([=] {
    for (int record = 0; record < 1001; ++record) {
      if (record == 1000) progress.send(record);
      audit.send(record);
    }
    std::printf("all recorded\n");
  });
  std::printf("%d records so far\n", progress.receive_or_zero());
}
