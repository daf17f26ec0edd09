// Three pages are fetched at once, each in a task that sends its result. The task of the last page closes the results
// when it is done, though the others may still have to send theirs.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

void fetch(const std::string& page, bool is_last, Channel<std::string> results) {
  results.send("contents of " + page);
  if (is_last) results.close();
}

}  // namespace

int main() {
  Channel<std::string> results(8);
  vigil::go(fetch, "index", false, results);
  vigil::go(fetch, "news", false, results);
  vigil::go(fetch, "about", true, results);
  int pages = 0;
  while (results.receive()) ++pages;
  std::printf("fetched\n");
}
