// The remedy: one order for all. std::scoped_lock takes both without ever waiting for one while it holds the other.
#include <vigil/vigil.hpp>

#include <atomic>
#include <cstdio>
#include <mutex>

using vigil::Mutex;

namespace {

struct Account {
  Mutex lock;
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
  // As in buggy.cpp: the transfers do not meet.
  std::atomic<bool> first_is_through{false};
  vigil::WaitGroup transfers;
  transfers.go([&] {
    transfer(savings, current, 100);
    first_is_through.store(true);
  });
  transfers.go([&] {
    while (!first_is_through.load()) vigil::yield();
    transfer(current, savings, 30);
  });
  transfers.wait();
  std::printf("savings %d, current %d\n", savings.cents, current.cents);
}
