// The remedy: the worker catches each job's exception inside its loop and serves on.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

using vigil::Channel;

namespace {

void work(const Channel<std::string>& jobs) {
  for (const std::string& job : jobs) {
    try {
      std::printf("%d\n", std::stoi(job));
    } catch (const std::invalid_argument&) {
      std::printf("no number\n");
    }
  }
}

}  // namespace

int main() {
  Channel<std::string> jobs(0);
  vigil::WaitGroup worker;
  worker.go([=] { work(jobs); });
  vigil::go([=] {
    for (const char* job : {"12", "seven", "40"}) jobs.send(job);
    jobs.close();
  });
  worker.wait();
}
