// The only worker catches what a job throws, and returns. The job behind the bad one finds nobody any more who would
// take it.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

using vigil::Channel;

namespace {

void work(const Channel<std::string>& jobs) {
  try {
    for (const std::string& job : jobs) std::printf("%d\n", std::stoi(job));
  } catch (const std::invalid_argument&) {
    std::printf("no number\n");
  }
}

}  // namespace

int main() {
  Channel<std::string> jobs(0);
  vigil::WaitGroup worker;
  worker.go([=] { work(jobs); });
  vigil::go([=] {
    for (const char* job : {"12", "seven", "40"}) jobs.send(job);
  });
  worker.wait();
}
