// grpc#1275: to close a client's stream does nothing, so the task that reads the stream waits for the peer for ever.
// Fix: closing the stream tells the reader.
//
// expect: task-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::grpc_1275 {
namespace {

struct Stream {
  Channel<Unit> incoming{0};

  void read() const {
    (void)incoming.receive();  // here
  }
  void close(Form form) const {
    if (form == Form::Fixed) incoming.send({});
  }
};

void run(Form form) {
  const Stream stream;
  const Channel<Unit> done(0);
  vigil::go([stream, done] {
    stream.read();
    done.close();
  });
  stream.close(form);
  vigil::select(on_receive(done), on_timeout(300ns));
}

const Kernel kKernel("grpc#1275", run);

}  // namespace
}  // namespace kernels::grpc_1275
