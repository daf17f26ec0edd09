// etcd#7902: in a test of elections a client that does not lead waits, with the lock held, for the end of the round;
// the leader needs the lock to end it.
// Fix: no lock around the end of a round.
//
// Of its hundred rounds, ten.
//
// expect: task-leak
// may: lock-held-while-blocked
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::etcd_7902 {
namespace {

struct Election {
  Mutex lock;
  Channel<Unit> round{0};
  Channel<Unit> over{0};  // of the corrected form: no round comes after the leader's last

  void release(const Channel<Unit>& mine, bool leads, Form form) {
    if (leads) {
      std::unique_lock held(lock, std::defer_lock);
      if (form == Form::Fixed) held.lock();
      std::exchange(round, Channel<Unit>(0)).close();
    }
    if (form == Form::Buggy)
      (void)mine.receive();  // here
    else
      vigil::select(on_receive(mine), on_receive(over));
  }
  void take_part(bool leads, Form form) {
    for (int i = 0; i < 10; ++i) {
      std::unique_lock held(lock);  // maybe here
      const Channel<Unit> mine = round;
      held.unlock();
      if (form == Form::Buggy) held.lock();  // here
      release(mine, leads, form);
    }
    if (leads) over.close();
  }
};

void run(Form form) {
  const auto election = std::make_shared<Election>();
  vigil::go([=] {
    WaitGroup clients;
    for (int i = 0; i < 3; ++i) clients.go([=] { election->take_part(i == 0, form); });
    clients.wait();  // here
  });
}

const Kernel kKernel("etcd#7902", run);

}  // namespace
}  // namespace kernels::etcd_7902
