// A plain std::thread and a task write one watched variable; nothing orders them.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <thread>

namespace {

[[gnu::noinline]] void from_thread(vigil::Traced<long>& total) {
  total.store(1);  // frame: thread
  std::puts("thread wrote");
}

[[gnu::noinline]] void from_task(vigil::Traced<long>& total) {
  total.store(2);  // frame: task
  std::puts("task wrote");
}

}  // namespace

int main() {
  vigil::Traced<long> total(0);
  vigil::WaitGroup task;
  task.go([&] { from_task(total); });
  std::thread thread([&] { from_thread(total); });
  thread.join();
  task.wait();
}
