// etcd#9446: one task clears the cache of a transaction buffer while another looks something up in it.
// Fix: both lock the buffer.
//
// expect: data-race
// schedule: every
#include <array>

#include "test/kernels/kernel.hpp"

namespace kernels::etcd_9446 {
namespace {

// A map of one bucket, whose every access is the program's own.
struct Buffer {
  Mutex lock;
  std::array<int, 4> keys{7, 0, 0, 0};
  std::size_t size = 1;

  void reset(Form form) {
    std::unique_lock held(lock, std::defer_lock);
    if (form == Form::Fixed) held.lock();
    while (size > 0) keys[--size] = 0;  // here
  }
  bool has(int key, Form form) {
    std::unique_lock held(lock, std::defer_lock);
    if (form == Form::Fixed) held.lock();
    for (std::size_t i = 0; i < size; ++i) {  // here
      if (keys[i] == key) return true;        // maybe here
    }
    return false;
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
