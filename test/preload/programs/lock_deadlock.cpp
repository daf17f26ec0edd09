// Two tasks take two mutexes in opposite orders, each after the other holds its first: a deadlock that happens, while
// main waits for both.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

namespace {

using vigil::Channel;
using vigil::Mutex;
using vigil::Unit;

[[gnu::noinline]] void take_both(Mutex& first, Mutex& second, const Channel<Unit>& mine, const Channel<Unit>& other) {
  first.lock();
  mine.close();
  (void)other.receive();  // the other holds its first, too
  second.lock();          // frame: waits
  std::puts("never");
  second.unlock();
  first.unlock();
}

}  // namespace

int main() {
  Mutex a;
  Mutex b;
  const Channel<Unit> left(0);
  const Channel<Unit> right(0);
  vigil::WaitGroup tasks;
  tasks.go([&] { take_both(a, b, left, right); });
  tasks.go([&] { take_both(b, a, right, left); });
  tasks.wait();  // frame: main
}
