// Clicks go to a recorder through a small buffer, and what does not fit is dropped, so that the page stays quick. The
// recorder is slower than the clicks; that nearly all of them are lost is seen nowhere.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>

using vigil::Channel;
using namespace std::chrono_literals;

namespace {

void record(Channel<int> clicks) {
  while (clicks.receive()) vigil::sleep_for(5ms);
}

}  // namespace

int main() {
  Channel<int> clicks(4);
  vigil::WaitGroup recorder;
  recorder.go([=] { record(clicks); });
  for (int click = 0; click < 20'000; ++click) {
    vigil::select(vigil::on_send(clicks, click, [] {}), vigil::otherwise([] {}));
  }
  clicks.close();
  recorder.wait();
  std::printf("recorded\n");
}
