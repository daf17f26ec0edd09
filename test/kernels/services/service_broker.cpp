// service#broker: a broker hands each message to its subscribers while it holds the lock of their list; one that has
// heard enough wants to be taken off it.
// Fix: hand it out after unlocking, and let those who leave say so.
//
// expect: deadlock
// may: lock-held-while-blocked
// schedule: some
#include <map>

#include "test/kernels/kernel.hpp"

namespace kernels::service_broker {
namespace {

struct Subscriber {
  Channel<int> messages{0};
  Channel<Unit> left{0};
};

struct Broker {
  Mutex lock;
  std::map<int, Subscriber> subscribers;

  void publish(int message, Form form) {
    std::unique_lock held(lock);
    const auto all = subscribers;
    if (form == Form::Fixed) held.unlock();
    for (const auto& [id, subscriber] : all) {
      if (form == Form::Buggy)
        subscriber.messages.send(message);  // here
      else
        vigil::select(on_send(subscriber.messages, message), on_receive(subscriber.left));
    }
  }
  void leave(int id) {
    const std::scoped_lock held(lock);  // here
    const auto found = subscribers.find(id);
    if (found == subscribers.end()) return;
    found->second.left.close();
    subscribers.erase(found);
  }
};

void run(Form form) {
  Broker broker;
  WaitGroup readers;
  for (int id = 0; id < 3; ++id) {
    const Subscriber subscriber = broker.subscribers[id];
    readers.go([&broker, subscriber, id] {
      for (int heard = 0; heard <= id; ++heard) (void)subscriber.messages.receive();  // maybe here
      broker.leave(id);
    });
  }
  for (int message = 0; message < 5; ++message) broker.publish(message, form);
  readers.wait();
}

const Kernel kKernel("service#broker", run);

}  // namespace
}  // namespace kernels::service_broker
