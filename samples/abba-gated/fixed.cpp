// The same without the gate: both accounts are taken in one step, so the order they are named in does not matter.
#include <vigil/vigil.hpp>

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
  vigil::WaitGroup transfers;
  transfers.go([&] { transfer(savings, current, 100); });
  transfers.go([&] { transfer(current, savings, 30); });
  transfers.wait();
  std::printf("savings %d, current %d\n", savings.cents, current.cents);
}
