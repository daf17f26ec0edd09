// Release sequences: what an atomic's value carries on when others change it, and what goes on with none.
#include <array>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "test/interpose/instrument/order_cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::Meeting;
using vigil::test::one_after_the_other;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

// The release sequence goes on through other actors' read-modify-writes, and ends at a plain store of another.
template <class Change>
void sequence(Change&& change) {
  int data = 0;
  std::atomic<int> state{0};
  Meeting first;
  Meeting second;
  std::thread writer([&] {
    data = 1;
    state.store(1, kRelease);
    first.wait();
  });
  std::thread changer([&] {
    first.wait();
    change(state);
    second.wait();
  });
  second.wait();
  if (state.load(kAcquire) != 0) data = 2;
  writer.join();
  changer.join();
}
void clean_release_sequence() {
  sequence([](std::atomic<int>& state) { state.fetch_add(1, kRelaxed); });
}
void race_release_sequence_ended() {
  sequence([](std::atomic<int>& state) { state.store(7, kRelaxed); });
}
// A stack of nodes: who has just taken one puts another one there, without a release.
void push_after_a_pop(std::memory_order order) {
  struct Node {
    int value = 0;
    Node* below = nullptr;
  };
  std::array<Node, 2> nodes;
  std::atomic<Node*> top{&nodes[0]};
  one_after_the_other(
      [&] {
        Node* taken = &nodes[0];
        if (!top.compare_exchange_strong(taken, nullptr, kAcquire, kRelaxed)) std::abort();
        nodes[1].value = 7;
        Node* none = nullptr;
        if (!top.compare_exchange_strong(none, &nodes[1], order, kRelaxed)) std::abort();
      },
      [&] {
        if (top.load(kAcquire)->value != 7) std::abort();
      });
}
void clean_push_after_a_pop() { push_after_a_pop(kRelease); }
void race_push_after_a_pop_without_a_release() { push_after_a_pop(kRelaxed); }
// The one that was taken, written to, and put back: the top is again what it was.
void race_put_back_without_a_release() {
  int node = 0;
  std::atomic<int*> top{&node};
  one_after_the_other(
      [&] {
        int* taken = &node;
        if (!top.compare_exchange_strong(taken, nullptr, kAcquire, kRelaxed)) std::abort();
        node = 7;
        int* none = nullptr;
        if (!top.compare_exchange_strong(none, &node, kRelaxed, kRelaxed)) std::abort();
      },
      [&] {
        if (*top.load(kAcquire) != 7) std::abort();
      });
}
void race_counted_up_again_without_a_release() {
  int data = 0;
  std::atomic<int> next{0};
  one_after_the_other(
      [&] {
        (void)next.fetch_add(1, kAcquire);
        data = 1;
        (void)next.fetch_add(1, kRelaxed);
      },
      [&] {
        if (next.load(kAcquire) == 2) data = 2;
      });
}
void clean_store_by_the_head_itself() {  // as C++17 has it
  int data = 0;
  std::atomic<int> state{0};
  one_after_the_other(
      [&] {
        data = 1;
        state.store(1, kRelease);
        state.store(2, kRelaxed);
      },
      [&] {
        if (state.load(kAcquire) == 2) data = 2;
      });
}
void clean_two_releases_collect() {  // a counter that two add to, and a third that sees both
  std::array<int, 2> data{};
  std::atomic<int> done{0};
  std::thread one([&] {
    data[0] = 1;
    done.fetch_add(1, kRelease);
  });
  std::thread two([&] {
    data[1] = 1;
    done.fetch_add(1, kRelease);
  });
  while (done.load(kAcquire) != 2) std::this_thread::yield();
  data[0] = data[1] = 2;
  one.join();
  two.join();
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_release_sequence),          VIGIL_CASE(race_release_sequence_ended),
    VIGIL_CASE(clean_push_after_a_pop),          VIGIL_CASE(race_push_after_a_pop_without_a_release),
    VIGIL_CASE(race_put_back_without_a_release), VIGIL_CASE(race_counted_up_again_without_a_release),
    VIGIL_CASE(clean_store_by_the_head_itself),  VIGIL_CASE(clean_two_releases_collect),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::sequence_cases() { return kCases; }
