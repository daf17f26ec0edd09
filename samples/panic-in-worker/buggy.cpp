// A worker takes numbers from a queue. One of them is not a number: the exception leaves the worker and ends the
// program, with jobs still in the queue.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;

namespace {

void work(const Channel<std::string>& jobs) {
  for (const std::string& job : jobs) {
    std::printf("%d\n", std::stoi(job));
    std::fflush(stdout);
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
