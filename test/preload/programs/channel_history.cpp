// A channel that several tasks used before one was left waiting on it: the leak names who touched it last, and where.
#include <vigil/vigil.hpp>

namespace {

[[gnu::noinline]] void send_first(const vigil::Channel<int>& jobs) { jobs.send(1); }

[[gnu::noinline]] void send_last(const vigil::Channel<int>& jobs) {
  jobs.send(2);  // frame: sends
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] int take(const vigil::Channel<int>& jobs) {
  const int job = jobs.receive_or_zero();  // frame: receives
  asm volatile("" ::: "memory");
  return job;
}

void wait_for_more(const vigil::Channel<int>& jobs) {
  jobs.receive();  // frame: waits
}

}  // namespace

int main() {
  const vigil::Channel<int> jobs(2);
  send_first(jobs);
  vigil::WaitGroup over;
  over.go([&] { send_last(jobs); });
  over.wait();
  if (take(jobs) + take(jobs) != 3) return 1;
  vigil::go([jobs] { wait_for_more(jobs); });
}
