// Two workers serve the queue. Each job asks a printer that never answers; when both workers hang there, the other jobs
// stay in the queue.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

namespace {

void print(int page, const Channel<int>& printer_says) {
  const auto answer = printer_says.receive();
  std::printf("page %d: %d\n", page, answer.value_or(0));
}

}  // namespace

int main() {
  Channel<int> pages(8);
  Channel<int> printer_says(0);
  for (int worker = 0; worker < 2; ++worker) {
    vigil::go([=] {
      for (const int page : pages) print(page, printer_says);
    });
  }
  for (int page = 1; page <= 6; ++page) pages.send(page);
  std::printf("all pages queued\n");
}
