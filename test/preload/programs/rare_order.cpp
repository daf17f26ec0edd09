// A program whose outcome hangs on the order of its tasks. "order": prints it. "latch": a latch that loses its signal
// when that comes between the look and the wait; by itself that hardly ever happens. "held": tasks that hold a
// std::mutex while they use primitives, which is sound as long as nobody makes them wait there. "poll": nobody ever
// waits, but for one that sleeps. "pipe": blocking calls.
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "vigil/vigil.hpp"

namespace {

void order() {
  std::string seen;
  const vigil::Channel<int> numbers(1);
  vigil::Mutex lock;
  vigil::WaitGroup all;
  const auto add = [&](char what) {
    const std::scoped_lock held(lock);
    seen += what;
  };
  for (int i = 0; i < 4; ++i) {
    all.go([&, i] {
      for (int k = 0; k < 3; ++k) {
        add(static_cast<char>('a' + i));
        numbers.send(i);
      }
    });
  }
  all.go([&] {
    for (int k = 0; k < 12; ++k) add(static_cast<char>('0' + numbers.receive_or_zero()));
  });
  for (int k = 0; k < 3; ++k) add('M');
  vigil::sleep_for(std::chrono::milliseconds(1));
  add('S');
  all.wait();
  std::puts(seen.c_str());
}

class LossyLatch {
 public:
  void wait() {
    lock_.lock();
    const bool set = set_;
    lock_.unlock();
    if (!set) signal_.receive();
  }
  void set() {
    lock_.lock();
    set_ = true;
    lock_.unlock();
    static_cast<void>(signal_.try_send({}));
  }

 private:
  vigil::Mutex lock_;
  bool set_ = false;
  vigil::Channel<vigil::Unit> signal_{0};
};

void latch() {
  LossyLatch latch;
  vigil::WaitGroup all;
  all.go([&] { latch.wait(); });
  all.go([&] { latch.set(); });
  all.wait();
}

void held() {
  std::mutex lock;
  const vigil::Channel<int> items(1000);
  vigil::WaitGroup all;
  for (int i = 0; i < 4; ++i) {
    all.go([&] {
      for (int k = 0; k < 100; ++k) {
        {
          const std::scoped_lock guard(lock);
          items.send(k);
        }
        vigil::yield();
      }
    });
  }
  all.wait();
  std::printf("%zu\n", items.size());
}

void poll() {
  const vigil::Channel<int> items(0);
  const vigil::Channel<int> answers(0);
  vigil::WaitGroup all;
  all.go([=] {
    vigil::sleep_for(std::chrono::milliseconds(1));
    items.send(1);
  });
  for (int i = 0; i < 2; ++i) {
    all.go([=] {
      while (!answers.try_receive()) vigil::yield();
    });
  }
  while (!items.try_receive()) {
  }
  vigil::sleep_for(std::chrono::milliseconds(1));  // the other two poll
  for (int i = 0; i < 2; ++i) answers.send(i);
  all.wait();
  std::puts("polled");
}

// Two tasks in calls that block their helper threads: a byte at a time through a pipe.
void pipe_bytes() {
  int ends[2];
  if (pipe(ends) != 0) return;
  vigil::WaitGroup both;
  constexpr int kBytes = 100;
  const auto each = [&](auto call) {
    for (int i = 0; i < kBytes; ++i) {
      char byte = 'x';
      if (vigil::blocking([&] { return call(&byte); }) != 1) return;
    }
  };
  both.go([&] { each([&](const char* byte) { return write(ends[1], byte, 1); }); });
  both.go([&] { each([&](char* byte) { return read(ends[0], byte, 1); }); });
  both.wait();
  std::puts("piped");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "order") order();
  if (what == "latch") latch();
  if (what == "held") held();
  if (what == "poll") poll();
  if (what == "pipe") pipe_bytes();
}
