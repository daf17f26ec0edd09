// Tasks and threads that wait for one of vigil's locks that they hold themselves. As in Go another may be meant to give
// it back, so it is told while the program runs when nobody alive can reach the lock, and else at the end.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "test/interpose/threads/ring_cases.hpp"

namespace {

using namespace vigil::test;
using vigil::Channel;
using namespace std::chrono_literals;

// ---- nobody else has the lock ---------------------------------------------------------------------------------------

// A class whose public functions lock, and of which one calls another.
class Account {
 public:
  void pay() {
    const std::lock_guard held(lock_);
    ++balance_;
  }
  void pay_twice() {
    const std::lock_guard held(lock_);
    pay();
    pay();
  }

 private:
  long balance_ = 0;
  vigil::Mutex lock_;
};

[[gnu::noinline]] void start_payer() {
  vigil::go([] {
    Account own;
    own.pay_twice();
  });
}
void twice_task_locks_its_variable_while_main_sleeps() {
  start_payer();
  wipe_stack();
  look_until_told(sleep_in_the_system);
}

void twice_task_locks_its_variable_while_a_thread_computes() {
  std::atomic<bool> stop{false};
  std::thread busy([&stop] {
    wipe_registers();
    while (!stop.load(std::memory_order_relaxed)) continue;
  });
  start_payer();
  wipe_stack();
  look_until_told(sleep_in_the_system);
  stop = true;
  busy.join();
}

[[gnu::noinline]] void start_payer_of_a_shared_account() {
  const auto account = std::make_shared<Account>();
  vigil::go([account] { account->pay_twice(); });
}
void twice_task_locks_a_shared_structure() {
  start_payer_of_a_shared_account();
  wipe_stack();
  look_until_told(sleep_in_the_system);
}

// Main has the account, and waits for who waits for itself; another task goes on.
[[gnu::noinline]] void wait_for_a_payer() {
  Account account;
  vigil::WaitGroup all;
  all.go([&account] { account.pay_twice(); });
  all.wait();
}
void twice_task_locks_what_main_has_that_waits_for_it() {
  vigil::daemon([] {
    look_until_told([](std::chrono::milliseconds time) { vigil::sleep_for(time); });
    std::_Exit(0);
  });
  wipe_stack();
  wait_for_a_payer();
}

// The same of plain threads, which main joins.
[[gnu::noinline]] void join_a_payer() {
  Account account;
  std::thread payer([&account] { account.pay_twice(); });
  payer.join();
}
void twice_thread_locks_what_main_has_that_joins_it() {
  std::thread([] {
    look_until_told(sleep_in_the_system);
    std::_Exit(0);
  }).detach();
  wipe_stack();
  join_a_payer();
}

void twice_main_locks_its_variable() {
  vigil::daemon([] {
    look_until_told([](std::chrono::milliseconds time) { vigil::sleep_for(time); });
    std::_Exit(0);
  });
  wipe_stack();
  Account account;
  account.pay_twice();
}

[[gnu::noinline]] void start_writer_that_reads() {
  vigil::go([] {
    vigil::RwMutex own;
    const std::shared_lock reads(own);
    const std::unique_lock writes(own);
  });
}
void twice_task_wants_to_write_what_it_reads() {
  start_writer_that_reads();
  wipe_stack();
  look_until_told(sleep_in_the_system);
}

[[gnu::noinline]] void start_reader_that_writes() {
  vigil::go([] {
    vigil::RwMutex own;
    const std::unique_lock writes(own);
    const std::shared_lock reads(own);
  });
}
void twice_task_wants_to_read_what_it_writes() {
  start_reader_that_writes();
  wipe_stack();
  look_until_told(sleep_in_the_system);
}

// ---- somebody alive will give it back -------------------------------------------------------------------------------

// A lock is used as a signal, which Go allows, and lies in the middle of something.
struct Signal {
  long before[4] = {};
  vigil::Mutex lock;
  long after[4] = {};
};
using Owner = std::shared_ptr<Signal>;

// A task that waits until somebody else gives its lock back, which lies in its frames. keep is given it before.
template <class Keep>
[[gnu::noinline]] void start_waiter(const Channel<int>& ended, Keep keep) {
  const Channel<Signal*> where(0);
  vigil::go([=] {
    Signal own;
    own.lock.lock();
    where.send(&own);
    own.lock.lock();
    own.lock.unlock();
    ended.send(1);
  });
  keep(*where.receive_or_zero());
}
// The same, in a structure that the task and others own.
template <class Keep>
[[gnu::noinline]] void start_owner(const Channel<int>& ended, Keep keep) {
  const Channel<Owner> where(0);
  vigil::go([=] {
    const Owner own = std::make_shared<Signal>();
    own->lock.lock();
    where.send(own);
    own->lock.lock();
    own->lock.unlock();
    ended.send(1);
  });
  keep(*where.receive());
}

struct Key {
  friend bool operator==(Key, Key) = default;
};

// What keeps each of the locks: its address, its structure's, one of what lies before or behind it, or an owner's.
Signal* by_structure = nullptr;
long* by_last_member = nullptr;
std::uintptr_t marked = 0;
thread_local Signal* by_thread = nullptr;
std::map<int, vigil::Mutex*>* by_name = new std::map<int, vigil::Mutex*>;
std::vector<std::function<void()>>* jobs = new std::vector<std::function<void()>>;
std::string* message = new std::string(64, '.');
Owner owned;
std::weak_ptr<Signal> watched;
std::shared_ptr<long> by_part;  // owns the whole
std::unique_lock<vigil::Mutex>* given_away = nullptr;

[[gnu::noinline]] void write_into_message(const Channel<int>& ended) {
  start_waiter(ended, [](Signal& signal) {
    const auto address = reinterpret_cast<std::uintptr_t>(&signal.lock);
    std::memcpy(message->data() + 5, &address, sizeof(address));
  });
}
[[gnu::noinline]] void unlock_by_message() {
  std::uintptr_t address = 0;
  std::memcpy(&address, message->data() + 5, sizeof(address));
  reinterpret_cast<vigil::Mutex*>(address)->unlock();
}

void twice_one_of_many_that_others_unlock() {
  const Channel<int> ended(32);
  start_waiter(ended, [](Signal& signal) { by_structure = &signal; });
  start_waiter(ended, [](Signal& signal) { by_last_member = &signal.after[3]; });
  start_waiter(ended, [](Signal& signal) { marked = reinterpret_cast<std::uintptr_t>(&signal.lock) | 1; });
  start_waiter(ended, [](Signal& signal) { by_thread = &signal; });
  start_waiter(ended, [](Signal& signal) { by_name->emplace(1, &signal.lock); });
  start_waiter(ended, [](Signal& signal) {
    jobs->emplace_back([&signal, more = std::string(100, 'x')] { signal.lock.unlock(); });
  });
  write_into_message(ended);
  const Channel<vigil::Mutex*> buffer(1);
  start_waiter(ended, [&](Signal& signal) { buffer.send(&signal.lock); });
  std::optional<vigil::Context> context;
  start_waiter(ended, [&](Signal& signal) { context = vigil::with_value(vigil::background(), Key(), &signal); });
  std::optional<vigil::Timer> timer;
  start_waiter(ended, [&](Signal& signal) { timer = vigil::after_func(1h, [&signal] { signal.lock.unlock(); }); });
  const Channel<int> go_on(0);
  start_waiter(ended, [&](Signal& signal) {
    vigil::go([&signal, go_on] {
      (void)go_on.receive();
      signal.lock.unlock();
    });
  });
  std::thread sleeper;
  start_waiter(ended, [&](Signal& signal) {
    sleeper = std::thread([&signal] {
      look_until_told(sleep_in_the_system);
      signal.lock.unlock();
    });
  });
  start_waiter(ended,
               [](Signal& signal) { given_away = new std::unique_lock<vigil::Mutex>(signal.lock, std::adopt_lock); });
  start_owner(ended, [](const Owner& signal) { owned = signal; });
  start_owner(ended, [](const Owner& signal) { watched = signal; });
  start_owner(ended, [](const Owner& signal) { by_part = {signal, &signal->after[1]}; });
  start_owner(ended, [&](const Owner& signal) {
    vigil::go([lock = &signal->lock, go_on] {
      (void)go_on.receive();
      lock->unlock();
    });
  });
  wipe_stack();
  vigil::sleep_for(300ms);  // so that all wait for longer than what follows
  start_payer();
  wipe_stack();
  look_until_told(sleep_in_the_system);
  by_structure->lock.unlock();
  reinterpret_cast<Signal*>(reinterpret_cast<char*>(by_last_member - 3) - offsetof(Signal, after))->lock.unlock();
  reinterpret_cast<vigil::Mutex*>(marked & ~std::uintptr_t{1})->unlock();
  by_thread->lock.unlock();
  by_name->at(1)->unlock();
  jobs->front()();
  unlock_by_message();
  buffer.receive_or_zero()->unlock();
  (*context->value<Signal*>(Key()))->lock.unlock();
  timer->reset(0ms);
  go_on.close();
  sleeper.join();
  given_away->unlock();
  owned->lock.unlock();
  watched.lock()->lock.unlock();
  reinterpret_cast<Signal*>(reinterpret_cast<char*>(by_part.get() - 1) - offsetof(Signal, after))->lock.unlock();
  for (int i = 0; i < 17; ++i) (void)ended.receive();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(twice_task_locks_its_variable_while_main_sleeps),
    VIGIL_CASE(twice_task_locks_its_variable_while_a_thread_computes),
    VIGIL_CASE(twice_task_locks_a_shared_structure),
    VIGIL_CASE(twice_task_locks_what_main_has_that_waits_for_it),
    VIGIL_CASE(twice_thread_locks_what_main_has_that_joins_it),
    VIGIL_CASE(twice_main_locks_its_variable),
    VIGIL_CASE(twice_task_wants_to_write_what_it_reads),
    VIGIL_CASE(twice_task_wants_to_read_what_it_writes),
    VIGIL_CASE(twice_one_of_many_that_others_unlock),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::own_lock_cases() { return kCases; }
