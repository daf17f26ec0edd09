// cockroach#10214: heartbeats are coalesced under one lock, and sending them asks each replica; a replica that is at
// work takes that one lock while it holds its own.
// Fix: let go of the queue before asking the replicas.
//
// expect: deadlock
// may: lock-cycle
// schedule: some
#include <array>

#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_10214 {
namespace {

struct Replica {
  Mutex lock;
  Mutex state;
};

struct Store {
  Mutex heartbeats;
  std::array<Replica, 2> replicas;

  void send_queued(Form form) {
    std::unique_lock queue(heartbeats);
    if (form == Form::Fixed) queue.unlock();
    for (int round = 0; round < 2; ++round) {
      for (Replica& replica : replicas) {
        const std::scoped_lock held(replica.lock);  // here
      }
    }
  }
  void tick() {
    const std::scoped_lock held(replicas[0].lock);
    const std::scoped_lock state(replicas[0].state);
    for (int round = 0; round < 2; ++round) {
      const std::scoped_lock queue(heartbeats);  // here
    }
  }
};

void run(Form form) {
  const auto store = std::make_shared<Store>();
  vigil::go([store, form] { store->send_queued(form); });
  vigil::go([store] { store->tick(); });
}

const Kernel kKernel("cockroach#10214", run);

}  // namespace
}  // namespace kernels::cockroach_10214
