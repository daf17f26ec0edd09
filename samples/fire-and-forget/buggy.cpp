// Each request starts a task that reports to a statistics server, and forgets it: no context, no limit. The server
// answers nobody today, and under load the tasks pile up.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

namespace {

void handle(int request, const Channel<int>& statistics) {
  vigil::go([=] { statistics.send(request); });
}

}  // namespace

int main() {
  Channel<int> statistics(0);
  for (int request = 0; request < 3000; ++request) handle(request, statistics);
  std::printf("3000 requests handled\n");
}
