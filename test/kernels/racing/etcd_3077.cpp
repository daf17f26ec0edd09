// etcd#3077: a node makes its channels in the task that it starts, and the one who started it uses them.
// Fix: make them before.
//
// expect: data-race
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::etcd_3077 {
namespace {

struct Node {
  Channel<Unit> stopped;
  Channel<Unit> done;

  void make() {
    stopped = Channel<Unit>(0);  // here
    done = Channel<Unit>(0);     // maybe here
  }
  void run(Form form) {
    if (form == Form::Buggy) make();
    (void)stopped.receive();
    done.close();
  }
};

struct Server {
  Node* node = kept<Node>();
  Channel<Unit> stop{0};
  Channel<Unit> ended{0};

  void run(Form form) const {
    if (form == Form::Fixed) node->make();
    vigil::go([node = node, form] { node->run(form); });
    vigil::sleep_for(10ms);
    (void)stop.receive();
    node->stopped.send({});      // here
    (void)node->done.receive();  // maybe here
    ended.close();
  }
};

void run(Form form) {
  const Server server;
  vigil::go([=] { server.run(form); });
  vigil::select(on_send(server.stop, {}), on_receive(server.ended));
  (void)server.ended.receive();
}

const Kernel kKernel("etcd#3077", run);

}  // namespace
}  // namespace kernels::etcd_3077
