// A shop looks under its lock whether there is stock, and sells under its lock. In between it shows the customer how
// much there is, and there the lock is not held: two customers buy the last one.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

namespace {

struct Shop {
  vigil::Mutex lock;
  int stock = 1;
};

bool has_stock(Shop& shop) {
  const std::scoped_lock held(shop.lock);
  return shop.stock > 0;
}
void sell(Shop& shop) {
  const std::scoped_lock held(shop.lock);
  --shop.stock;
}

}  // namespace

int main() {
  Shop shop;
  vigil::WaitGroup asked;
  vigil::WaitGroup customers;
  asked.add(2);
  for (int i = 0; i < 2; ++i) {
    customers.go([&] {
      const bool available = has_stock(shop);
      asked.done();
      asked.wait();  // both have asked before either buys
      if (!available) return;
      const int seen = shop.stock;
      sell(shop);
      if (seen > 1) std::printf("more to come\n");
    });
  }
  customers.wait();
  std::printf("stock: %d\n", shop.stock);
}
