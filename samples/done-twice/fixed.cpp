// The remedy: WaitGroup::go counts down once, in one place, after the task's function has returned.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;
using vigil::WaitGroup;

namespace {

bool put(const std::string& file) { return file != "holiday.jpg"; }

void upload(const std::string& file, Channel<std::string> log) {
  std::string outcome = file + " uploaded";
  if (!put(file)) outcome = file + " failed";
  log.send(outcome);
}

}  // namespace

int main() {
  WaitGroup uploads;
  Channel<std::string> log(0);
  uploads.go([log] { upload("holiday.jpg", log); });
  std::printf("%s\n", log.receive_or_zero().c_str());
  uploads.wait();
}
