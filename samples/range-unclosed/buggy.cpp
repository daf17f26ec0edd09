// Three workers range over a channel of jobs. The producer sends the last one and returns without closing the channel:
// the workers wait for a job that never comes.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

namespace {

constexpr int kJobs = 6;

void produce(Channel<int> jobs) {
  for (int job = 1; job <= kJobs; ++job) jobs.send(job);
}

void work(Channel<int> jobs, Channel<int> results) {
  for (const int job : jobs) results.send(job * job);
}

}  // namespace

int main() {
  Channel<int> jobs(0);
  Channel<int> results(0);
  for (int worker = 0; worker < 3; ++worker) vigil::go(work, jobs, results);
  vigil::go(produce, jobs);
  int sum = 0;
  for (int i = 0; i < kJobs; ++i) sum += results.receive_or_zero();
  std::printf("sum of squares: %d\n", sum);
}
