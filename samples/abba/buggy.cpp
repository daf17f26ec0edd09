// Two transfers between the same two accounts, one each way. Each locks the account it takes from, then the one it
// gives to: opposite orders. This run survives, because one transfer happens to be through before the other begins; in
// another schedule each waits for the other's second account for ever.
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
  const std::scoped_lock take(from.lock);
  const std::scoped_lock give(to.lock);
  from.cents -= cents;
  to.cents += cents;
}

}  // namespace

int main() {
  Account savings{{}, 1000};
  Account current{{}, 500};
  // What luck does in production: the transfers do not meet. It is no synchronisation that anybody could rely on.
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
