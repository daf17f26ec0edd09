// Atomics, their orders and fences, and the classics built on them.
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "test/interpose/instrument/order_cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::Meeting;
using vigil::test::one_after_the_other;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;

void race_nothing_between() {
  int data = 0;
  one_after_the_other([&] { data = 1; }, [&] { data = 2; });
}

// ---- orders ---------------------------------------------------------------------------------------------------------

void clean_release_store_acquire_load() {
  int data = 0;
  std::atomic<bool> ready{false};
  one_after_the_other(
      [&] {
        data = 1;
        ready.store(true, kRelease);
      },
      [&] {
        if (ready.load(kAcquire)) data = 2;
      });
}
void race_relaxed_store() {
  int data = 0;
  std::atomic<bool> ready{false};
  one_after_the_other(
      [&] {
        data = 1;
        ready.store(true, kRelaxed);
      },
      [&] {
        if (ready.load(kAcquire)) data = 2;
      });
}
void race_relaxed_load() {
  int data = 0;
  std::atomic<bool> ready{false};
  one_after_the_other(
      [&] {
        data = 1;
        ready.store(true, kRelease);
      },
      [&] {
        if (ready.load(kRelaxed)) data = 2;
      });
}
void race_only_the_failed_exchange_acquires_too_little() {
  int data = 0;
  std::atomic<int> state{0};
  one_after_the_other(
      [&] {
        data = 1;
        state.store(1, kRelease);
      },
      [&] {
        int expected = 5;  // fails, and reads with the failure's order
        state.compare_exchange_strong(expected, 6, kAcqRel, kRelaxed);
        data = 2;
      });
}
void clean_failed_exchange_acquires() {
  int data = 0;
  std::atomic<int> state{0};
  one_after_the_other(
      [&] {
        data = 1;
        state.store(1, kRelease);
      },
      [&] {
        int expected = 5;
        state.compare_exchange_strong(expected, 6, kRelease, kAcquire);
        data = 2;
      });
}
void race_another_atomic() {
  int data = 0;
  std::array<std::atomic<int>, 2> state{};  // neighbours in one granule
  one_after_the_other(
      [&] {
        data = 1;
        state[0].store(1, kRelease);
      },
      [&] {
        state[1].load(kAcquire);
        data = 2;
      });
}
void race_atomic_and_plain() {
  int data = 0;
  one_after_the_other([&] { __atomic_store_n(&data, 1, __ATOMIC_SEQ_CST); }, [&] { data = 2; });
}
void clean_atomics_alone() {
  std::atomic<int> data{0};
  one_after_the_other([&] { data.store(1, kRelaxed); }, [&] { data.store(2, kRelaxed); });
}
void clean_wide_atomic() {
  __extension__ using Wide = unsigned __int128;
  int data = 0;
  alignas(16) Wide state = 0;
  one_after_the_other(
      [&] {
        data = 1;
        __atomic_store_n(&state, Wide{1} << 70U, __ATOMIC_RELEASE);
      },
      [&] {
        if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) != 0) data = 2;
      });
}

// ---- fences ---------------------------------------------------------------------------------------------------------

void clean_fence_publication() {
  int data = 0;
  std::atomic<bool> ready{false};
  one_after_the_other(
      [&] {
        data = 1;
        std::atomic_thread_fence(kRelease);
        ready.store(true, kRelaxed);
      },
      [&] {
        if (!ready.load(kRelaxed)) return;
        std::atomic_thread_fence(kAcquire);
        data = 2;
      });
}
void race_fence_on_one_side() {
  int data = 0;
  std::atomic<bool> ready{false};
  one_after_the_other(
      [&] {
        data = 1;
        std::atomic_thread_fence(kRelease);
        ready.store(true, kRelaxed);
      },
      [&] {
        if (ready.load(kRelaxed)) data = 2;
      });
}
void race_write_after_the_fence() {
  int data = 0;
  std::atomic<bool> ready{false};
  one_after_the_other(
      [&] {
        std::atomic_thread_fence(kRelease);
        data = 1;
        ready.store(true, kRelaxed);
      },
      [&] {
        if (ready.load(kAcquire)) data = 2;
      });
}
void race_fence_before_the_load() {
  int data = 0;
  std::atomic<bool> ready{false};
  one_after_the_other(
      [&] {
        data = 1;
        ready.store(true, kRelease);
      },
      [&] {
        std::atomic_thread_fence(kAcquire);
        if (ready.load(kRelaxed)) data = 2;
      });
}
void clean_release_store_acquire_fence() {
  int data = 0;
  std::atomic<bool> ready{false};
  one_after_the_other(
      [&] {
        data = 1;
        ready.store(true, kRelease);
      },
      [&] {
        if (!ready.load(kRelaxed)) return;
        std::atomic_thread_fence(std::memory_order_seq_cst);
        data = 2;
      });
}
void clean_fence_refcount() {
  struct Shared {
    std::atomic<int> count{2};
    int data = 0;
  };
  auto* const shared = new Shared;
  const auto drop = [shared] {
    if (shared->count.fetch_sub(1, kRelease) != 1) return;
    std::atomic_thread_fence(kAcquire);
    ++shared->data;
    delete shared;
  };
  shared->data = 1;
  std::thread other([&] { drop(); });
  drop();
  other.join();
}
void race_refcount_too_weak() {
  int data = 0;
  std::atomic<int> count{2};
  one_after_the_other(
      [&] {
        data = 1;
        count.fetch_sub(1, kRelaxed);
      },
      [&] {
        if (count.fetch_sub(1, kRelaxed) == 1) data = 2;
      });
}

// ---- classics -------------------------------------------------------------------------------------------------------

void clean_spin_lock() {
  std::atomic_flag lock = ATOMIC_FLAG_INIT;
  int data = 0;
  const auto work = [&] {
    for (int i = 0; i < 2000; ++i) {
      while (lock.test_and_set(kAcquire)) std::this_thread::yield();
      ++data;
      lock.clear(kRelease);
    }
  };
  std::thread other(work);
  work();
  other.join();
  if (data != 4000) std::abort();
}
void clean_seqlock() {
  std::atomic<unsigned> sequence{0};
  std::array<std::atomic<int>, 4> data{};
  std::thread writer([&] {
    for (int i = 1; i <= 500; ++i) {
      sequence.store(sequence.load(kRelaxed) + 1, kRelaxed);
      std::atomic_thread_fence(kRelease);
      for (auto& word : data) word.store(i, kRelaxed);
      sequence.store(sequence.load(kRelaxed) + 1, kRelease);
    }
  });
  for (int reads = 0; reads < 500;) {
    const unsigned before = sequence.load(kAcquire);
    std::array<int, 4> seen{};
    for (std::size_t i = 0; i < 4; ++i) seen[i] = data[i].load(kRelaxed);
    std::atomic_thread_fence(kAcquire);
    if (before % 2 != 0 || sequence.load(kRelaxed) != before) {
      std::this_thread::yield();
      continue;
    }
    if (seen[0] != seen[3]) std::abort();
    ++reads;
  }
  writer.join();
}
// Michael and Scott's queue for one producer and one consumer, nodes freed by the consumer.
void clean_lock_free_queue() {
  struct Node {
    int value = 0;
    std::atomic<Node*> next{nullptr};
  };
  Node* head = new Node;
  Node* tail = head;
  std::thread producer([&] {
    for (int i = 1; i <= 2000; ++i) {
      auto* const node = new Node;
      node->value = i;
      tail->next.store(node, kRelease);
      tail = node;
    }
  });
  long sum = 0;
  for (int taken = 0; taken < 2000;) {
    Node* const next = head->next.load(kAcquire);
    if (next == nullptr) {
      std::this_thread::yield();
      continue;
    }
    sum += next->value;
    delete head;
    head = next;
    ++taken;
  }
  producer.join();
  delete head;
  if (sum != 2001000) std::abort();
}
void clean_double_checked() {
  std::atomic<std::string*> made{nullptr};
  std::mutex making;
  const auto get = [&]() -> std::string& {
    std::string* found = made.load(kAcquire);
    if (found == nullptr) {
      const std::lock_guard held(making);
      found = made.load(kRelaxed);
      if (found == nullptr) {
        found = new std::string("made once");
        made.store(found, kRelease);
      }
    }
    return *found;
  };
  one_after_the_other([&] { (void)get().size(); }, [&] { (void)get().size(); });
  delete made.load();
}
void race_double_checked_with_a_plain_pointer() {
  std::string* made = nullptr;
  std::mutex making;
  const auto get = [&]() -> std::string& {
    if (made == nullptr) {
      const std::lock_guard held(making);
      if (made == nullptr) made = new std::string("made once");
    }
    return *made;
  };
  one_after_the_other([&] { (void)get().size(); }, [&] { (void)get().size(); });
  delete made;
}

constexpr Case kCases[] = {
    VIGIL_CASE(race_nothing_between),
    VIGIL_CASE(clean_release_store_acquire_load),
    VIGIL_CASE(race_relaxed_store),
    VIGIL_CASE(race_relaxed_load),
    VIGIL_CASE(race_only_the_failed_exchange_acquires_too_little),
    VIGIL_CASE(clean_failed_exchange_acquires),
    VIGIL_CASE(race_another_atomic),
    VIGIL_CASE(race_atomic_and_plain),
    VIGIL_CASE(clean_atomics_alone),
    VIGIL_CASE(clean_wide_atomic),
    VIGIL_CASE(clean_fence_publication),
    VIGIL_CASE(race_fence_on_one_side),
    VIGIL_CASE(race_write_after_the_fence),
    VIGIL_CASE(race_fence_before_the_load),
    VIGIL_CASE(clean_release_store_acquire_fence),
    VIGIL_CASE(clean_fence_refcount),
    VIGIL_CASE(race_refcount_too_weak),
    VIGIL_CASE(clean_spin_lock),
    VIGIL_CASE(clean_seqlock),
    VIGIL_CASE(clean_lock_free_queue),
    VIGIL_CASE(clean_double_checked),
    VIGIL_CASE(race_double_checked_with_a_plain_pointer),
};

std::vector<Case> all_cases() {
  std::vector<Case> all(std::begin(kCases), std::end(kCases));
  for (const auto& more : {vigil::test::library_cases(), vigil::test::memory_cases(), vigil::test::container_cases(),
                           vigil::test::object_cases(), vigil::test::kernel_cases(), vigil::test::signal_cases(),
                           vigil::test::openmp_cases(), vigil::test::handover_cases(), vigil::test::standard_cases(),
                           vigil::test::text_cases(), vigil::test::sequence_cases()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

// No argument: the names. `clean`: all correct ones in one process. Else the case of that name.
int main(int argc, char** argv) {
  if (argc < 2) {
    std::puts("clean");
    for (const Case& one : all_cases()) {
      if (std::strncmp(one.name, "race", 4) == 0) std::puts(one.name);
    }
    return 0;
  }
  const bool all_clean = std::strcmp(argv[1], "clean") == 0;
  bool found = false;
  for (const Case& one : all_cases()) {
    if (std::strcmp(one.name, argv[1]) != 0 && !(all_clean && std::strncmp(one.name, "clean", 5) == 0)) continue;
    found = true;
    one.run();
  }
  return found ? 0 : 1;
}
