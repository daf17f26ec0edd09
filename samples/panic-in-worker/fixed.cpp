// The remedy: the worker catches what a job throws, reports that job and goes on.
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
      std::printf("no number: %s\n", job.c_str());
    }
  }
}

}  // namespace

int main() {
  Channel<std::string> jobs(4);
  for (const char* job : {"12", "7", "seven", "40"}) jobs.send(job);
  jobs.close();
  vigil::WaitGroup workers;
  workers.go([=] { work(jobs); });
  workers.wait();
}
