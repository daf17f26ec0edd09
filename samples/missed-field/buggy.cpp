// An account's balance is changed under its lock; the note of when it was changed was added later, outside.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

namespace {

struct Account {
  vigil::Mutex lock;
  int balance = 0;
  int changes = 0;

  void deposit(int amount) {
    {
      const std::scoped_lock held(lock);
      balance += amount;
    }
    ++changes;
  }
};

}  // namespace

int main() {
  Account account;
  vigil::WaitGroup customers;
  for (int amount = 1; amount <= 4; ++amount) {
    customers.go([&, amount] { account.deposit(amount); });
  }
  customers.wait();
  std::printf("balance: %d\n", account.balance);
}
