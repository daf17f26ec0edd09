// A shop locks its stock to sell, and selling looks up what is left, which locks the stock as well: the task waits for
// itself.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

namespace {

class Stock {
 public:
  int left() {
    const std::scoped_lock held(lock_);
    return items_;
  }
  bool sell() {
    const std::scoped_lock held(lock_);
    if (left() == 0) return false;
    --items_;
    return true;
  }

 private:
  vigil::Mutex lock_;
  int items_ = 3;
};

}  // namespace

int main() {
  Stock stock;
  vigil::WaitGroup customers;
  customers.go([&] { std::printf("%s\n", stock.sell() ? "sold" : "sold out"); });
  customers.wait();
}
