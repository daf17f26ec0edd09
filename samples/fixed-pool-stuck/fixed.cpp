// The remedy: a job has a deadline, and its worker goes on to the next one.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <optional>

using vigil::Channel;
using namespace std::chrono_literals;

namespace {

void print(int page, const Channel<int>& printer_says, const Channel<int>& failed) {
  vigil::select(vigil::on_receive(printer_says, [](std::optional<int>) {}),
                vigil::on_timeout(2ms, [&] { failed.send(page); }));
}

}  // namespace

int main() {
  Channel<int> pages(8);
  Channel<int> failed(8);
  Channel<int> printer_says(0);
  vigil::WaitGroup workers;
  for (int worker = 0; worker < 2; ++worker) {
    workers.go([=] {
      for (const int page : pages) print(page, printer_says, failed);
    });
  }
  for (int page = 1; page <= 6; ++page) pages.send(page);
  pages.close();
  std::printf("all pages queued\n");
  workers.wait();
  failed.close();
  int count = 0;
  while (failed.receive()) ++count;
  std::printf("%d pages not printed\n", count);
}
