// Order that is made by atomics, which the shim does not see in a plain build; and, in the same program, actors that
// come to no atomic and whose order is all seen.
#include <atomic>
#include <memory>
#include <utility>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/cases.hpp"

namespace {

void clean_last_of_the_senders_closes() {
  constexpr int kSenders = 4;
  static std::atomic<int> left{kSenders};
  const vigil::Channel<int> results(kSenders);
  for (int sender = 0; sender < kSenders; ++sender) {
    vigil::go([=] {
      results.send(sender);
      if (left.fetch_sub(1) == 1) results.close();
    });
  }
  while (results.receive()) {
  }
}

void clean_add_before_wait() {
  static std::atomic<bool> added{false};
  static vigil::WaitGroup group;
  const vigil::Channel<int> done(0);
  vigil::go([=] {
    group.add(1);
    added.store(true);
    done.send(1);
    group.done();
  });
  while (!added.load()) vigil::yield();
  vigil::go([=] { (void)done.receive(); });
  group.wait();
}

void clean_published_by_a_flag() {
  static std::atomic<bool> ready{false};
  static vigil::Traced<int> data;
  vigil::WaitGroup writer;
  writer.go([] {
    data.store(42);
    ready.store(true);
  });
  while (!ready.load()) vigil::yield();
  if (data.load() != 42) std::abort();
  writer.wait();
}

// The count is another function's, which the sender calls by pointer.
bool is_last_of_two() {
  static std::atomic<int> left{2};
  return left.fetch_sub(1) == 1;
}
bool (*volatile const is_last)() = is_last_of_two;

void clean_the_count_is_called_by_pointer() {
  const vigil::Channel<int> results(2);
  for (int sender = 0; sender < 2; ++sender) {
    vigil::go([=] {
      results.send(sender);
      if (is_last()) results.close();
    });
  }
  while (results.receive()) {
  }
}

// Whoever lets go of it last closes the channel.
struct Owner {
  explicit Owner(vigil::Channel<int> owned) : channel(std::move(owned)) {}
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() { channel.close(); }
  vigil::Channel<int> channel;
};

void clean_closed_by_the_last_owner() {
  const vigil::Channel<int> results(4);
  auto owner = std::make_shared<Owner>(results);
  for (int sender = 0; sender < 4; ++sender) vigil::go([owner, sender] { owner->channel.send(sender); });
  owner.reset();
  while (results.receive()) {
  }
}

// ---- no atomic within reach ---------------------------------------------------------------------------------------

void closes_what_one_task_sends_on() {
  const vigil::Channel<int> orders(1);
  const vigil::test::Whistle sent;
  vigil::WaitGroup sender;
  sender.go([&] {
    orders.send(1);
    sent.blow();
  });
  sent.hear();
  orders.close();
  sender.wait();
}

void send_one(const vigil::Channel<int>& orders) { orders.send(1); }
void (*volatile const send_by_pointer)(const vigil::Channel<int>&) = send_one;

// The call by pointer is the one that the stack went through, so it leads nowhere else.
void closes_what_is_sent_through_a_pointer() {
  const vigil::Channel<int> orders(1);
  const vigil::test::Whistle sent;
  vigil::WaitGroup sender;
  sender.go([&] {
    send_by_pointer(orders);
    sent.blow();
  });
  sent.hear();
  orders.close();
  sender.wait();
}

void adds_inside_the_task() {
  static vigil::WaitGroup group;
  const vigil::test::Whistle added;
  const vigil::test::Whistle waiting;
  vigil::go([&] {
    group.add(1);
    added.blow();
    waiting.hear();
    group.done();
  });
  added.hear();
  waiting.blow();
  group.wait();
}

void race_on_a_traced_count() {
  static vigil::Traced<int> count;
  const vigil::test::Whistle stored;
  vigil::WaitGroup writers;
  writers.go([&] {
    count.store(1);
    stored.blow();
  });
  writers.go([&] {
    stored.hear();
    count.store(2);
  });
  writers.wait();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_last_of_the_senders_closes),
    VIGIL_CASE(clean_add_before_wait),
    VIGIL_CASE(clean_published_by_a_flag),
    VIGIL_CASE(clean_the_count_is_called_by_pointer),
    VIGIL_CASE(clean_closed_by_the_last_owner),
    VIGIL_CASE(closes_what_one_task_sends_on),
    VIGIL_CASE(closes_what_is_sent_through_a_pointer),
    VIGIL_CASE(adds_inside_the_task),
    VIGIL_CASE(race_on_a_traced_count),
};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
