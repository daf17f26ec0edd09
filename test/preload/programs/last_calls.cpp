// Functions whose last call is an operation of vigil's: a compiler jumps there where it can (a tail call), and then the
// function is on no stack any more. Each must be the first frame of what is found in it.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <mutex>

namespace {

using vigil::Channel;
using vigil::Unit;

// They outlive main: some are held for ever.
auto& mutex = *new vigil::Mutex;
auto& rw_mutex = *new vigil::RwMutex;
auto& semaphore = *new vigil::Semaphore(0);
auto& group = *new vigil::WaitGroup;
auto& busy_group = *new vigil::WaitGroup;
auto& cond = *new vigil::Cond;
auto& cond_mutex = *new vigil::Mutex;
auto& selector = *new vigil::Selector;
auto& errors = *new vigil::ErrorGroup;
const Channel<Unit>& silent = *new Channel<Unit>(0);

#define LAST_CALL [[gnu::noinline]] void

// ---- misuses -----------------------------------------------------------------------------------------------------

LAST_CALL unlock_mutex() {
  mutex.unlock();  // frame: unlock_mutex
}
LAST_CALL unlock_written() {
  rw_mutex.unlock();  // frame: unlock_written
}
LAST_CALL unlock_read() {
  rw_mutex.unlock_shared();  // frame: unlock_read
}
LAST_CALL count_down() {
  group.done();  // frame: count_down
}
LAST_CALL send(const Channel<Unit>& closed) {
  closed.send({});  // frame: send
}
[[gnu::noinline]] bool try_send(const Channel<int>& closed, int& item) {
  return closed.try_send(static_cast<int&&>(item));  // frame: try_send
}
LAST_CALL close(const Channel<Unit>& closed) {
  closed.close();  // frame: close
}

// ---- waits for ever ----------------------------------------------------------------------------------------------

LAST_CALL wait_to_lock() {
  mutex.lock();  // frame: wait_to_lock
}
LAST_CALL wait_to_read() {
  rw_mutex.lock_shared();  // frame: wait_to_read
}
LAST_CALL wait_to_write() {
  rw_mutex.lock();  // frame: wait_to_write
}
LAST_CALL wait_for_group() {
  busy_group.wait();  // frame: wait_for_group
}
LAST_CALL wait_for_tokens() {
  semaphore.acquire(1);  // frame: wait_for_tokens
}
LAST_CALL wait_for_notice(std::unique_lock<vigil::Mutex>& held) {
  cond.wait(held);  // frame: wait_for_notice
}
[[gnu::noinline]] std::size_t wait_for_any() {
  return selector.select();  // frame: wait_for_any
}
LAST_CALL wait_for_errors() {
  errors.wait();  // frame: wait_for_errors
}
LAST_CALL wait_for_item() {
  silent.receive();  // frame: wait_for_item
}

template <class Function>
void caught(Function&& function) {
  try {
    function();
  } catch (const vigil::Panic& panic) {
    std::puts(panic.what());
  }
}

}  // namespace

int main() {
  caught(unlock_mutex);
  caught(unlock_written);
  caught(unlock_read);
  caught(count_down);
  const Channel<Unit> closed(1);
  const Channel<int> closed_too(1);
  closed.close();
  closed_too.close();
  int item = 1;
  caught([&] { send(closed); });
  caught([&] { try_send(closed_too, item); });
  caught([&] { close(closed); });

  mutex.lock();
  rw_mutex.lock();
  busy_group.add(1);
  selector.add_receive(silent);
  errors.go([] { wait_for_item(); });
  vigil::go([] { wait_to_lock(); });
  vigil::go([] { wait_to_read(); });
  vigil::go([] { wait_to_write(); });
  vigil::go([] { wait_for_group(); });
  vigil::go([] { wait_for_tokens(); });
  vigil::go([] {
    std::unique_lock held(cond_mutex);
    wait_for_notice(held);
  });
  vigil::go([] { wait_for_any(); });
  vigil::go([] { wait_for_errors(); });
}
