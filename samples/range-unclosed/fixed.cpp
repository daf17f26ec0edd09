// The remedy: the sender closes when it is done, and every range over the channel ends.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

namespace {

constexpr int kJobs = 6;

void produce(Channel<int> jobs) {
  for (int job = 1; job <= kJobs; ++job) jobs.send(job);
  jobs.close();
}

void work(Channel<int> jobs, Channel<int> results) {
  for (const int job : jobs) results.send(job * job);
}

}  // namespace

int main() {
  Channel<int> jobs(0);
  Channel<int> results(0);
  vigil::WaitGroup tasks;
  for (int worker = 0; worker < 3; ++worker) tasks.go([=] { work(jobs, results); });
  tasks.go([=] { produce(jobs); });
  int sum = 0;
  for (int i = 0; i < kJobs; ++i) sum += results.receive_or_zero();
  std::printf("sum of squares: %d\n", sum);
  tasks.wait();
}
