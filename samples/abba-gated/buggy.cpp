// Not a bug, though it looks like one: the two accounts are locked in opposite orders, but only by who holds the
// ledger's lock. No two transfers are ever in there together, so no schedule blocks. Nothing may be reported.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

using vigil::Mutex;

namespace {

struct Account {
  Mutex lock;
  int cents = 0;
};

void transfer(Mutex& ledger, Account& from, Account& to, int cents) {
  const std::scoped_lock gate(ledger);
  const std::scoped_lock take(from.lock);
  const std::scoped_lock give(to.lock);
  from.cents -= cents;
  to.cents += cents;
}

}  // namespace

int main() {
  Mutex ledger;
  Account savings{{}, 1000};
  Account current{{}, 500};
  vigil::WaitGroup transfers;
  transfers.go([&] { transfer(ledger, savings, current, 100); });
  transfers.go([&] { transfer(ledger, current, savings, 30); });
  transfers.wait();
  std::printf("savings %d, current %d\n", savings.cents, current.cents);
}
