// Locks that are held while their holder waits on a channel, and that others want meanwhile, in programs that are
// right: nothing may be told of them (decision 122).
#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

// One round: `holder` takes the lock and parks in its wait; meanwhile `wanter` waits for the lock; then `ender` ends
// the wait. Neither park can be seen, so the ender gives them time, more in each round. On a slow machine it may be too
// little: then the round is another right program.
template <class Lock, class Holder, class Wanter, class Ender>
void rounds(Lock& lock, Holder holder, Wanter wanter, Ender ender) {
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    vigil::WaitGroup all;
    vigil::Channel<vigil::Unit> taken(2);
    all.go([&] {
      const std::lock_guard held(lock);
      taken.send({});
      taken.send({});
      holder();
    });
    all.go([&] {
      taken.receive();
      wanter(lock);
    });
    all.go([&] {
      taken.receive();
      vigil::sleep_for(std::chrono::milliseconds(1 << round));
      ender();
    });
    all.wait();
  }
}

// A receiver that lives as long as the rounds: who it is decides whether it could end a send.
class Receiver {
 public:
  explicit Receiver(const vigil::Channel<int>& items) {
    over_.go([this, items] {
      items.receive();
      while (const std::optional<vigil::Mutex*> lock = wanted_.receive()) {
        const std::scoped_lock held(**lock);
        done_.send({});
      }
    });
    items.send(0);
  }
  ~Receiver() {
    wanted_.close();
    over_.wait();
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  void takes(vigil::Mutex& lock) const {
    wanted_.send(&lock);
    done_.receive();
  }

 private:
  vigil::Channel<vigil::Mutex*> wanted_{0};
  vigil::Channel<vigil::Unit> done_{1};
  vigil::WaitGroup over_;
};

void clean_producers_take_turns_at_a_full_queue() {
  vigil::Mutex lock;
  const vigil::Channel<int> items(1);
  items.send(0);
  rounds(
      lock, [&] { items.send(1); },
      [&](vigil::Mutex& its) {
        const std::scoped_lock held(its);
        items.send(2);
      },
      [&] {
        items.receive();
        items.receive();
      });
}

// What one waits for, the other gives back; but both wait at the same turnstile, and who waits there has nothing to
// give.
void clean_tokens_are_taken_under_a_lock() {
  vigil::Mutex lock;
  const vigil::Channel<int> tokens(2);
  vigil::WaitGroup all;
  for (int i = 0; i < 4; ++i) {
    all.go([&] {
      for (int round = 0; round < 20; ++round) {
        {
          const std::scoped_lock turnstile(lock);
          tokens.receive();
          tokens.receive();
        }
        vigil::sleep_for(std::chrono::microseconds(200));
        tokens.send(1);
        tokens.send(1);
      }
    });
  }
  tokens.send(1);
  tokens.send(1);
  all.wait();
}

// It took the lock before it ever received.
void clean_receiver_takes_the_lock_at_its_start() {
  vigil::Mutex lock;
  const vigil::Channel<int> items(0);
  rounds(
      lock, [&] { items.send(1); },
      [&](vigil::Mutex& its) {
        its.lock();
        its.unlock();
        items.receive();
      },
      [&] {
        items.receive();
        items.send(2);
      });
}

void clean_wait_that_ends_by_itself() {
  vigil::Mutex lock;
  const vigil::Channel<int> items(0);
  const Receiver receiver(items);
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  const vigil::ReceiveChannel<vigil::Unit> done = ctx.done();
  rounds(
      lock,
      [&] {
        vigil::select(vigil::on_send(items, 1, [] {}), vigil::on_receive(done, [](std::optional<vigil::Unit>) {}));
      },
      [&](vigil::Mutex& its) { receiver.takes(its); }, [&] { items.receive(); });
  cancel();
}

// A start gate: each has said its word before it wants the lock.
void clean_gate_that_opens_when_all_are_there() {
  vigil::Mutex gate;
  const vigil::Channel<vigil::Unit> words(0);
  vigil::WaitGroup all;
  {
    const std::scoped_lock closed(gate);
    for (int i = 0; i < 4; ++i) {
      all.go([&] {
        words.send({});
        const std::scoped_lock through(gate);
      });
    }
    for (int i = 0; i < 4; ++i) words.receive();
  }
  all.wait();
}

// They take the lock to get onto the list, and the broker sends under it to those who are.
void clean_broker_sends_under_its_lock() {
  constexpr int kItems = 50;
  vigil::Mutex lock;
  std::vector<vigil::Channel<int>> subscribers;
  vigil::WaitGroup all;
  vigil::WaitGroup there;
  there.add(3);
  for (int i = 0; i < 3; ++i) {
    all.go([&] {
      const vigil::Channel<int> mine(1);
      {
        const std::scoped_lock held(lock);
        subscribers.push_back(mine);
      }
      there.done();
      for (int received = 0; received < kItems; ++received) mine.receive();
    });
  }
  there.wait();
  for (int i = 0; i < kItems; ++i) {
    const std::scoped_lock held(lock);
    for (const vigil::Channel<int>& one : subscribers) one.send(i);
  }
  all.wait();
}

// A pool that waits for a connection under its lock. Who made one has only given back so far, and now wants another.
class Pool {
 public:
  int take() {
    if (const std::optional<int> one = idle_.try_receive()) return *one;
    const std::scoped_lock held(lock_);
    if (made_ < 2) return ++made_;
    return idle_.receive_or_zero();
  }
  void give_back(int one) { idle_.send(one); }

 private:
  vigil::Mutex lock_;
  vigil::Channel<int> idle_{2};
  int made_ = 0;
};

void use(Pool& pool, int times) {
  for (int i = 0; i < times; ++i) {
    const int one = pool.take();
    vigil::yield();
    pool.give_back(one);
  }
}

void clean_pool_with_users_of_one_origin() {
  Pool pool;
  vigil::WaitGroup all;
  for (int i = 0; i < 8; ++i) all.go([&] { use(pool, 15); });
  all.wait();
}

void clean_pool_with_users_of_many_origins() {
  Pool pool;
  vigil::WaitGroup all;
  all.go([&] { use(pool, 15); });
  all.go([&] { use(pool, 14); });
  all.go([&] { use(pool, 13); });
  all.go([&] { use(pool, 12); });
  all.go([&] { use(pool, 11); });
  all.wait();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_gate_that_opens_when_all_are_there),   VIGIL_CASE(clean_broker_sends_under_its_lock),
    VIGIL_CASE(clean_pool_with_users_of_one_origin),        VIGIL_CASE(clean_pool_with_users_of_many_origins),
    VIGIL_CASE(clean_producers_take_turns_at_a_full_queue), VIGIL_CASE(clean_tokens_are_taken_under_a_lock),
    VIGIL_CASE(clean_receiver_takes_the_lock_at_its_start), VIGIL_CASE(clean_wait_that_ends_by_itself),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::lock_smell_cases() { return kCases; }
