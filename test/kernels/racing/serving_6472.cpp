// serving#6472: a prober hands an item to its workers and only then sets how many of its probes are outstanding.
// Fix: set it before.
//
// expect: data-race
// schedule: some
#include <atomic>
#include <vector>

#include "test/kernels/kernel.hpp"

namespace kernels::serving_6472 {
namespace {

struct Probing {
  int outstanding = 0;
};

struct Prober {
  Mutex lock;
  std::vector<Probing*> items{kept<Probing>()};

  Probing* take() {
    const std::scoped_lock held(lock);
    if (items.empty()) return nullptr;
    auto item = items.back();
    items.pop_back();
    return item;
  }
  void work() {
    const auto item = take();
    if (item != nullptr) std::atomic_ref(item->outstanding).fetch_sub(1);  // here
  }
};

void run(Form form) {
  auto* const prober = kept<Prober>();
  auto* const workers = kept<WaitGroup>();
  const Channel<Unit> ended(0);
  for (int i = 0; i < 2; ++i) workers->go([=] { prober->work(); });
  vigil::go([=] {
    workers->wait();
    ended.close();
  });
  auto* const probing = kept<Probing>();
  if (form == Form::Fixed) probing->outstanding += 1;
  {
    const std::scoped_lock held(prober->lock);
    prober->items.push_back(probing);
  }
  if (form == Form::Buggy) probing->outstanding += 1;  // here
  vigil::sleep_for(1ms);
  (void)ended.receive();
}

const Kernel kKernel("serving#6472", run);

}  // namespace
}  // namespace kernels::serving_6472
