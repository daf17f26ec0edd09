// Correct programs, built plain, whose order is made by atomics, which the shim does not see there. In a file, and so a
// program, of their own: the shim looks whether the program has atomics at all.
#include <atomic>

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

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_last_of_the_senders_closes),
    VIGIL_CASE(clean_add_before_wait),
    VIGIL_CASE(clean_published_by_a_flag),
};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
