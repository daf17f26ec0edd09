// A shop looks whether there is stock and sells it in one section.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

namespace {

struct Shop {
  vigil::Mutex lock;
  int stock = 1;
};

bool buy(Shop& shop) {
  const std::scoped_lock held(shop.lock);
  if (shop.stock == 0) return false;
  --shop.stock;
  return true;
}

}  // namespace

int main() {
  Shop shop;
  vigil::WaitGroup asked;
  vigil::WaitGroup customers;
  asked.add(2);
  for (int i = 0; i < 2; ++i) {
    customers.go([&] {
      asked.done();
      asked.wait();
      (void)buy(shop);
    });
  }
  customers.wait();
  std::printf("stock: %d\n", shop.stock);
}
