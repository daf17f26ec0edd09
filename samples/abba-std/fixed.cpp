// The remedy: std::scoped_lock takes both at once.
#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

namespace {

struct Account {
  std::mutex lock;
  int cents = 0;
};

void transfer(Account& from, Account& to, int cents) {
  const std::scoped_lock both(from.lock, to.lock);
  from.cents -= cents;
  to.cents += cents;
}

}  // namespace

int main() {
  Account savings{{}, 1000};
  Account current{{}, 500};
  // As in buggy.cpp: the threads do not meet.
  std::atomic<bool> first_is_through{false};
  std::thread one([&] {
    transfer(savings, current, 100);
    first_is_through.store(true);
  });
  std::thread other([&] {
    while (!first_is_through.load()) std::this_thread::yield();
    transfer(current, savings, 30);
  });
  one.join();
  other.join();
  std::printf("savings %d, current %d\n", savings.cents, current.cents);
}
