// istio#8214: a cache counts atomically what it evicts, and its statistics are copied as a whole without.
// Fix: read the count atomically, too.
//
// expect: data-race
// schedule: every
#include <atomic>

#include "test/kernels/kernel.hpp"

namespace kernels::istio_8214 {
namespace {

struct Statistics {
  int writes = 0;
  int evictions = 0;
};

struct Cache {
  Statistics statistics;

  void evict() { std::atomic_ref(statistics.evictions).fetch_add(1); }  // here
  Statistics read(Form form) {
    if (form == Form::Fixed) return {0, std::atomic_ref(statistics.evictions).load()};
    return statistics;  // here
  }
};

void run(Form form) {
  auto* const cache = kept<Cache>();
  WaitGroup both;
  for (int i = 0; i < 2; ++i) {
    both.go([=] {
      cache->evict();
      (void)cache->read(form);
    });
  }
  both.wait();
}

const Kernel kKernel("istio#8214", run);

}  // namespace
}  // namespace kernels::istio_8214
