// The inversion of `abba` with nothing but the standard library: two mutexes, two threads, two orders. The threads
// happen not to meet.
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
  const std::scoped_lock take(from.lock);
  const std::scoped_lock give(to.lock);
  from.cents -= cents;
  to.cents += cents;
}

}  // namespace

int main() {
  Account savings{{}, 1000};
  Account current{{}, 500};
  // What luck does in production. It is no synchronisation that anybody could rely on.
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
