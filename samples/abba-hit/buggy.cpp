// Two transfers between the same two accounts, one each way, and this time they meet: each has locked the account it
// takes from, and waits for the other's.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

using vigil::Channel;
using vigil::Mutex;
using vigil::Unit;

namespace {

struct Account {
  Mutex lock;
  int cents = 0;
};

void transfer(Account& from, Account& to, int cents, const Channel<Unit>& announce, const Channel<Unit>& other) {
  const std::scoped_lock take(from.lock);
  announce.close();  // what bad luck does in production: both have their first lock
  (void)other.receive();
  const std::scoped_lock give(to.lock);
  from.cents -= cents;
  to.cents += cents;
}

}  // namespace

int main() {
  Account savings{{}, 1000};
  Account current{{}, 500};
  const Channel<Unit> first(0);
  const Channel<Unit> second(0);
  vigil::WaitGroup transfers;
  transfers.go([&] { transfer(savings, current, 100, first, second); });
  transfers.go([&] { transfer(current, savings, 30, second, first); });
  transfers.wait();
  std::printf("savings %d, current %d\n", savings.cents, current.cents);
}
