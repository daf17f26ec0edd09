// The remedy: a Mutex is the lock.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

namespace {

class Counter {
 public:
  void add(int n) {
    const std::scoped_lock held(lock_);
    value_ += n;
  }
  [[nodiscard]] int value() const { return value_; }

 private:
  vigil::Mutex lock_;
  int value_ = 0;
};

}  // namespace

int main() {
  Counter counter;
  vigil::WaitGroup tasks;
  tasks.go([&] { counter.add(1); });
  tasks.wait();
  std::printf("%d\n", counter.value());
}
