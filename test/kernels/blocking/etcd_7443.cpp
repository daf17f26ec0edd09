// etcd#7443: a client's balancer tells the one task that watches addresses of each change, with its lock held and over
// a channel for one list. That task tears a connection down, which tells the balancer, which tells that task.
// Fix: no send that can wait under the balancer's lock.
//
// expect: deadlock
// may: lock-held-while-blocked
// schedule: some
#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "test/kernels/kernel.hpp"

namespace kernels::etcd_7443 {
namespace {

using Addresses = std::vector<int>;
using Down = std::function<void()>;

struct Balancer {
  RwMutex lock;  // used as a mutex
  Channel<Addresses> notify{1};
  const Addresses all{0, 1, 2};
  int pinned = 0;  // 0: none, so address 0 never counts
  bool closed = false;

  // Called with lock held.
  void tell(Addresses list, Form form) const {
    if (form == Form::Buggy) {
      notify.send(std::move(list));  // here
    } else {
      (void)notify.try_receive();  // the newest list is all that counts
      (void)notify.try_send(std::move(list));
    }
  }
  Down up(int address, Form form) {
    const std::scoped_lock held(lock);  // maybe here
    if (closed) return [] {};
    if (pinned == 0) {
      pinned = address;
      tell({address}, form);
    }
    return [this, address, form] { down(address, form); };
  }
  void down(int address, Form form) {
    const std::scoped_lock held(lock);  // maybe here
    if (closed || pinned != address) return;
    pinned = 0;
    tell(all, form);
  }
  void close() {
    const std::scoped_lock held(lock);  // here
    if (!std::exchange(closed, true)) notify.close();
  }
};

struct Connection {
  Mutex lock;
  Down down;
};
using Connections = std::map<int, std::shared_ptr<Connection>>;

struct Client {
  Balancer balancer;
  RwMutex lock;  // used as a mutex
  Connections connections;

  static void tear_down(Connection& connection) {
    const std::scoped_lock held(connection.lock);  // maybe here
    if (connection.down) connection.down();
  }
  void add(const std::shared_ptr<Client>& self, int address, Form form) {
    const auto made = std::make_shared<Connection>();
    {
      const std::scoped_lock held(lock);  // maybe here
      connections[address] = made;
    }
    vigil::go([self, made, address, form] {
      const std::scoped_lock held(made->lock);  // maybe here
      made->down = self->balancer.up(address, form);
    });
  }
  void watch(const std::shared_ptr<Client>& self, Form form) {
    for (const Addresses& list : balancer.notify) {
      Addresses added;
      Connections gone;
      {
        const std::scoped_lock held(lock);  // maybe here
        for (const int address : list) {
          if (!connections.contains(address)) added.push_back(address);
        }
        for (const auto& [address, connection] : connections) {
          if (std::ranges::find(list, address) == list.end()) gone[address] = connection;
        }
        for (const auto& [address, connection] : gone) connections.erase(address);
      }
      for (const int address : added) add(self, address, form);
      for (const auto& [address, connection] : gone) tear_down(*connection);
    }
  }
  void close() {
    Connections all;
    {
      const std::scoped_lock held(lock);  // maybe here
      all.swap(connections);
    }
    balancer.close();
    for (const auto& [address, connection] : all) tear_down(*connection);
  }
};

void run(Form form) {
  const auto client = std::make_shared<Client>();
  const Channel<Unit> done(0);
  client->balancer.notify.send(client->balancer.all);
  vigil::go([=] { client->watch(client, form); });
  vigil::sleep_for(2ms);  // the client is in use for a while
  vigil::go([=] {
    client->balancer.close();
    done.close();
  });
  vigil::go([=] { client->close(); });
  (void)done.receive();  // here
}

const Kernel kKernel("etcd#7443", run);

}  // namespace
}  // namespace kernels::etcd_7443
