// Does a known number of each operation. It says nothing itself; the watcher's counts are its output.
#include <vigil/vigil.hpp>

namespace {

// On one worker, so that which operation finds its peer waiting does not depend on luck.
void steps() {
  vigil::set_max_procs(1);
  vigil::WaitGroup over;

  const vigil::Channel<int> met(0);
  const vigil::Channel<int> buffered(3);
  const vigil::Channel<int> passed(3);
  over.go([=] {
    for (int i = 0; i < 5; ++i) met.send(i);  // 5 meet
    met.close();
  });
  over.go([=] {
    while (met.receive()) {  // 1 receive_closed
    }
    for (int i = 0; i < 3; ++i) buffered.send(i);    // 3 send
    for (int i = 0; i < 3; ++i) buffered.receive();  // 3 receive
  });
  over.wait();

  over.go([=] { passed.receive(); });  // 1 pass: with one worker the task started first runs, and waits, first
  over.go([=] { passed.send(1); });
  over.wait();

  over.go([] { vigil::blocking([] {}); });  // 1 blocking_begin, blocking_end
  over.wait();

  try {
    met.send(1);  // misuse
  } catch (const vigil::Panic&) {
  }
  try {
    met.close();  // misuse
  } catch (const vigil::Panic&) {
  }
  try {
    vigil::Channel<int>().close();  // misuse
  } catch (const vigil::Panic&) {
  }
  for (int i = 0; i < 4; ++i) vigil::select(vigil::on_receive(buffered), vigil::otherwise());  // 4 default

  vigil::Mutex mutex;
  for (int i = 0; i < 6; ++i) {
    mutex.lock();
    mutex.unlock();
  }
  if (mutex.try_lock()) mutex.unlock();
  try {
    mutex.unlock();  // misuse
  } catch (const vigil::Panic&) {
  }
  try {
    over.done();  // negative
  } catch (const vigil::Panic&) {
  }
  vigil::Traced<int> traced = 0;  // make, write
  traced = 1;                     // write
  ++traced;                       // read, write
  static_cast<void>(traced.load());
  {
    const vigil::Context valued = vigil::with_value(vigil::background(), 1, 2);  // let_go
    static_cast<void>(valued.value<int>(1));                                     // let_go
  }                                                                              // take_apart
  {
    const auto cancelled = vigil::with_cancel(vigil::background());
    const vigil::CancelFunction copy = cancelled.cancel;
    copy();
    const vigil::Context forgotten = vigil::with_cancel(vigil::background()).ctx;  // context_abandon
  }                                                 // context_abandon: once for both copies
  while (vigil::task_count() != 0) vigil::yield();  // a task ends a little later than its done()
}

}  // namespace

int main() { steps(); }
