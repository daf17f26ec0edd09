// service#batcher: events are written in batches by one task; who stops the service closes the queue while producers
// still fill it.
// Fix: wait for the producers first.
//
// expect: close-send-race
// may: send-on-closed task-exception
// schedule: some
#include <vector>

#include "test/kernels/kernel.hpp"

namespace kernels::service_batcher {
namespace {

struct Batcher {
  Channel<int> events{4};
  Channel<Unit> written{0};
  int batches = 0;

  void write() {
    std::vector<int> batch;
    const vigil::Ticker beat(1ms);
    for (bool open = true; open;) {
      vigil::select(on_receive(events,
                               [&](std::optional<int> event) {
                                 open = event.has_value();
                                 if (open) batch.push_back(*event);
                               }),
                    on_receive(beat.channel(), [](auto) {}));
      if (batch.size() >= 8 || (!open && !batch.empty())) {
        ++batches;
        batch.clear();
      }
    }
    beat.stop();
    written.close();
  }
};

void run(Form form) {
  const auto batcher = std::make_shared<Batcher>();
  vigil::go([=] { batcher->write(); });
  const auto producers = std::make_shared<WaitGroup>();
  for (int producer = 0; producer < 3; ++producer) {
    producers->go([=] {
      for (int event = 0; event < 5; ++event) batcher->events.send(event);  // here
    });
  }
  if (form == Form::Fixed) producers->wait();
  batcher->events.close();  // here
  (void)batcher->written.receive();
}

const Kernel kKernel("service#batcher", run);

}  // namespace
}  // namespace kernels::service_batcher
