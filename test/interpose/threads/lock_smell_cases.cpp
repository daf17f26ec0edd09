// lock-held-while-blocked in programs that go on: who could end a wait wants the lock that is held during it, and
// somebody else ends it. Beside it, what looks alike and is right.
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <optional>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

using vigil::test::is_told_already;

// One round: `holder` takes the lock and parks in its wait; meanwhile `wanter` waits for the lock; then `ender` ends
// the wait. Neither park can be seen, so the ender gives them time, and that time grows from round to round until the
// shim has told what it should, or has had every chance to tell what it should not.
template <class Lock, class Holder, class Wanter, class Ender>
void rounds(int most, Lock& lock, Holder holder, Wanter wanter, Ender ender) {
  for (int round = 0; round < most && (round == 0 || !is_told_already("lock-held-while-blocked")); ++round) {
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
constexpr int kUntilTold = 14;  // the last round alone takes eight seconds: no machine needs it
constexpr int kClean = 4;

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

void smells_receiver_wants_the_lock_of_who_sends() {
  vigil::Mutex lock;
  const vigil::Channel<int> items(0);
  const Receiver receiver(items);
  rounds(
      kUntilTold, lock, [&] { items.send(1); }, [&](vigil::Mutex& its) { receiver.takes(its); },
      [&] { items.receive(); });
}

void smells_receiver_wants_the_lock_of_who_selects() {
  vigil::Mutex lock;
  const vigil::Channel<int> one(0), other(0);
  const Receiver of_one(one), of_other(other);
  rounds(
      kUntilTold, lock, [&] { vigil::select(vigil::on_send(one, 1, [] {}), vigil::on_send(other, 1, [] {})); },
      [&](vigil::Mutex& its) { of_other.takes(its); }, [&] { other.receive(); });
}

void clean_producers_take_turns_at_a_full_queue() {
  vigil::Mutex lock;
  const vigil::Channel<int> items(1);
  items.send(0);
  rounds(
      kClean, lock, [&] { items.send(1); },
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
      kClean, lock, [&] { items.send(1); },
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
      kClean, lock,
      [&] {
        vigil::select(vigil::on_send(items, 1, [] {}), vigil::on_receive(done, [](std::optional<vigil::Unit>) {}));
      },
      [&](vigil::Mutex& its) { receiver.takes(its); }, [&] { items.receive(); });
  cancel();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(smells_receiver_wants_the_lock_of_who_sends), VIGIL_CASE(smells_receiver_wants_the_lock_of_who_selects),
    VIGIL_CASE(clean_producers_take_turns_at_a_full_queue),  VIGIL_CASE(clean_tokens_are_taken_under_a_lock),
    VIGIL_CASE(clean_receiver_takes_the_lock_at_its_start),  VIGIL_CASE(clean_wait_that_ends_by_itself),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::lock_smell_cases() { return kCases; }
