// etcd#9446: one task clears the cache of a transaction buffer while another looks something up in it.
// Fix: both lock the buffer.
//
// expect: data-race
// may: use-after-free
// schedule: every
#include <unordered_map>

#include "test/kernels/kernel.hpp"

namespace kernels::etcd_9446 {
namespace {

struct Buffer {
  Mutex lock;
  std::unordered_map<int, int> keys{{7, 1}};

  void reset(Form form) {
    std::unique_lock held(lock, std::defer_lock);
    if (form == Form::Fixed) held.lock();
    while (!keys.empty()) keys.erase(keys.begin());  // here
  }
  bool has(int key, Form form) {
    std::unique_lock held(lock, std::defer_lock);
    if (form == Form::Fixed) held.lock();
    return keys.find(key) != keys.end();  // here
  }
};

void run(Form form) {
  auto* const buffer = kept<Buffer>();
  WaitGroup all;
  all.go([=] {
    WaitGroup both;
    both.go([=] { buffer->reset(form); });
    both.go([=] { (void)buffer->has(7, form); });
    both.wait();
  });
  all.wait();
}

const Kernel kKernel("etcd#9446", run);

}  // namespace
}  // namespace kernels::etcd_9446
