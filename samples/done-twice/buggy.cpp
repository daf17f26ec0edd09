// An upload that fails says done() where it gives up, and once more at the end, which it reaches all the same. The
// counter goes below zero and the wait group panics.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;
using vigil::WaitGroup;

namespace {

bool put(const std::string& file) { return file != "holiday.jpg"; }

void upload(const std::string& file, WaitGroup& uploads, Channel<std::string> log) {
  std::string outcome = file + " uploaded";
  if (!put(file)) {
    outcome = file + " failed";
    uploads.done();
  }
  uploads.done();
  log.send(outcome);
}

}  // namespace

int main() {
  WaitGroup uploads;
  Channel<std::string> log(0);
  uploads.add(1);
  vigil::go([&uploads, log] { upload("holiday.jpg", uploads, log); });
  std::printf("%s\n", log.receive_or_zero().c_str());
  uploads.wait();
}
