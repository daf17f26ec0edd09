// The remedy: a wait group knows when the last producer is done, and then the channel is closed once.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

void fetch(const std::string& page, Channel<std::string> results) { results.send("contents of " + page); }

}  // namespace

int main() {
  Channel<std::string> results(8);
  vigil::WaitGroup producers;
  for (const char* page : {"index", "news", "about"}) producers.go([=] { fetch(page, results); });
  producers.wait();
  results.close();
  int pages = 0;
  while (results.receive()) ++pages;
  std::printf("fetched\n");
}
