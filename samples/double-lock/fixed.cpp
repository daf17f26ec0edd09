// The remedy: an inner form that expects the lock to be held, for both.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

namespace {

class Stock {
 public:
  int left() {
    const std::scoped_lock held(lock_);
    return left_locked();
  }
  bool sell() {
    const std::scoped_lock held(lock_);
    if (left_locked() == 0) return false;
    --items_;
    return true;
  }

 private:
  [[nodiscard]] int left_locked() const { return items_; }

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
