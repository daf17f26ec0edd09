// Instrumented programs, each with the shape that its name says: `clean` ones are correct by the rules of C++ and must
// be silent, `race` ones are one step away. The first half is about atomics and fences, the second about what the
// standard library builds on them.
#include <pthread.h>
#include <sys/mman.h>
#include <threads.h>

#include <array>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <future>
#include <iostream>
#include <latch>
#include <memory>
#include <mutex>
#include <queue>
#include <semaphore>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

extern "C" void __tsan_testonly_barrier_init(std::uint64_t* barrier, unsigned party);
extern "C" void __tsan_testonly_barrier_wait(std::uint64_t* barrier);

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;

// Two threads meet here, and nothing is ordered by it.
class Meeting {
 public:
  Meeting() { __tsan_testonly_barrier_init(&barrier_, 2); }
  void wait() { __tsan_testonly_barrier_wait(&barrier_); }

 private:
  std::uint64_t barrier_ = 0;
};

// first() has ended when second() begins, and nothing says so.
template <class First, class Second>
void one_after_the_other(First&& first, Second&& second) {
  Meeting between;
  std::thread other([&] {
    first();
    between.wait();
  });
  between.wait();
  second();
  other.join();
}

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

// ---- what the standard library builds -------------------------------------------------------------------------------

void clean_shared_ptr() {
  for (int round = 0; round < 50; ++round) {
    auto shared = std::make_shared<std::vector<int>>(10, round);
    std::vector<std::thread> threads;
    threads.reserve(3);
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([copy = shared] { (void)copy->at(3); });
    }
    shared.reset();
    for (std::thread& one : threads) one.join();
  }
}
void clean_shared_ptr_dropped_by_another() {
  for (int round = 0; round < 50; ++round) {
    auto first = std::make_shared<int>(1);
    auto second = first;
    std::thread other([mine = std::move(second)]() mutable {
      if (*mine != 1) std::abort();
      mine.reset();
    });
    first.reset();  // whoever is last writes the memory by freeing it
    other.join();
  }
}
void clean_atomic_shared_ptr() {
  std::atomic<std::shared_ptr<int>> current(std::make_shared<int>(0));
  std::thread writer([&] {
    for (int i = 1; i < 300; ++i) current.store(std::make_shared<int>(i));
  });
  int last = 0;
  for (int i = 0; i < 300; ++i) {
    const std::shared_ptr<int> now = current.load();
    if (*now < last) std::abort();
    last = *now;
  }
  writer.join();
}
void clean_weak_ptr() {
  auto shared = std::make_shared<int>(1);
  std::weak_ptr<int> weak = shared;
  std::thread other([weak] {
    if (const auto mine = weak.lock()) (void)*mine;
  });
  shared.reset();
  other.join();
}
void clean_exception_ptr() {
  for (int round = 0; round < 50; ++round) {
    std::exception_ptr thrown;
    std::mutex guard;
    std::thread other([&] {
      try {
        throw std::runtime_error("thrown in round " + std::to_string(round));
      } catch (...) {
        const std::lock_guard held(guard);
        thrown = std::current_exception();
      }
    });
    other.join();
    std::vector<std::thread> readers;
    readers.reserve(3);
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([copy = thrown] {
        try {
          std::rethrow_exception(copy);
        } catch (const std::runtime_error& error) {
          if (std::strlen(error.what()) < 5) std::abort();
        }
      });
    }
    thrown = nullptr;
    for (std::thread& one : readers) one.join();
  }
}
// Read by several, destroyed by whoever is last: the counts lie in the C++ runtime.
struct Ours {
  Ours() = default;
  Ours(const Ours&) = default;
  Ours& operator=(const Ours&) = delete;
  ~Ours() { code = 0; }
  int code = 7;
};
void clean_exception_of_our_own() {
  for (int round = 0; round < 50; ++round) {
    auto thrown = std::make_exception_ptr(Ours());
    if (round % 2 == 0) {
      try {
        throw Ours();
      } catch (...) {
        thrown = std::current_exception();
      }
    }
    std::vector<std::thread> readers;
    readers.reserve(3);
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([copy = thrown]() mutable {
        try {
          std::rethrow_exception(std::move(copy));
        } catch (const Ours& ours) {
          if (ours.code != 7) std::abort();
        }
      });
    }
    thrown = nullptr;
    for (std::thread& one : readers) one.join();
  }
}
void clean_future() {
  std::vector<std::future<std::vector<int>>> all;
  all.reserve(20);
  for (int i = 0; i < 20; ++i) {
    all.push_back(std::async(std::launch::async, [i] { return std::vector<int>(100, i); }));
  }
  int sum = 0;
  for (auto& one : all) sum += one.get().at(99);
  if (sum != 190) std::abort();
}
void clean_future_with_exception() {
  std::promise<int> promise;
  std::future<int> future = promise.get_future();
  std::thread other([&] { promise.set_exception(std::make_exception_ptr(std::runtime_error("no value today"))); });
  try {
    future.get();
  } catch (const std::runtime_error& error) {
    if (std::strlen(error.what()) == 0) std::abort();
  }
  other.join();
}
void clean_packaged_task() {
  std::packaged_task<std::string(int)> task([](int n) { return std::string(100, static_cast<char>('a' + n)); });
  std::future<std::string> result = task.get_future();
  std::thread other(std::move(task), 3);
  if (result.get().at(50) != 'd') std::abort();
  other.join();
}
void clean_latch() {
  std::array<int, 3> data{};
  std::latch done(3);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      data[i] = 1;
      done.count_down();
    });
  }
  done.wait();
  for (int& one : data) one = 2;
  for (std::thread& one : threads) one.join();
}
void clean_barrier() {
  std::array<int, 3> data{};
  int completed = 0;
  std::barrier step(3, [&]() noexcept { ++completed; });
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t round = 0; round < 50; ++round) {
        ++data[(i + round) % 3];
        step.arrive_and_wait();
      }
    });
  }
  for (std::thread& one : threads) one.join();
  if (completed != 50) std::abort();
}
void clean_semaphore() {
  std::counting_semaphore<4> items(0);
  std::binary_semaphore room(1);
  int data = 0;
  std::thread producer([&] {
    for (int i = 1; i <= 300; ++i) {
      room.acquire();
      data = i;
      items.release();
    }
  });
  for (int i = 1; i <= 300; ++i) {
    items.acquire();
    if (data != i) std::abort();
    room.release();
  }
  producer.join();
}
void clean_atomic_wait() {
  std::atomic<int> turn{0};
  int data = 0;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      turn.wait(0, kAcquire);
      ++data;
      turn.store(0, kRelease);
      turn.notify_one();
    }
  });
  for (int i = 0; i < 100; ++i) {
    ++data;
    turn.store(1, kRelease);
    turn.notify_one();
    turn.wait(1, kAcquire);
  }
  other.join();
}
void clean_call_once() {
  std::once_flag flag;
  std::string made;
  const auto work = [&] {
    std::call_once(flag, [&] { made = "once and for all of us"; });
    if (made.empty()) std::abort();
  };
  one_after_the_other(work, work);
}
const std::string& the_static() {
  static const std::string made(40, 's');
  return made;
}
void clean_static_variable() {
  one_after_the_other([] { (void)the_static().at(3); }, [] { (void)the_static().at(3); });
}
void clean_timed_mutex() {
  std::timed_mutex lock;
  int data = 0;
  const auto work = [&] {
    for (int i = 0; i < 300; ++i) {
      while (!lock.try_lock_for(std::chrono::seconds(1))) {
      }
      ++data;
      lock.unlock();
    }
  };
  std::thread other(work);
  work();
  other.join();
}
void clean_shared_timed_mutex() {
  std::shared_timed_mutex lock;
  int data = 0;
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) {
      while (!lock.try_lock_for(std::chrono::seconds(1))) {
      }
      ++data;
      lock.unlock();
    }
  });
  int seen = 0;
  for (int i = 0; i < 300; ++i) {
    while (!lock.try_lock_shared_for(std::chrono::seconds(1))) {
    }
    seen = std::max(seen, data);
    lock.unlock_shared();
  }
  writer.join();
}
void clean_condition_variable_any() {
  std::condition_variable_any changed;
  std::shared_mutex lock;
  int data = 0;
  std::thread other([&] {
    std::unique_lock held(lock);
    data = 1;
    changed.notify_all();
  });
  {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return data == 1; });
  }
  other.join();
}
void clean_jthread_and_stop_token() {
  int data = 0;
  std::jthread worker([&](const std::stop_token& stop) {
    std::mutex lock;
    std::condition_variable_any wake;
    std::unique_lock held(lock);
    wake.wait(held, stop, [] { return false; });
    ++data;
  });
  worker.request_stop();
  worker.join();
  if (data != 1) std::abort();
}
void clean_stop_callback() {
  int data = 0;
  std::stop_source source;
  std::thread other([&, token = source.get_token()] {
    const std::stop_callback on_stop(token, [&] { ++data; });
    while (!token.stop_requested()) std::this_thread::yield();
  });
  data = 1;
  source.request_stop();
  other.join();
  if (data == 0) std::abort();
}
void clean_streams_and_locales() {
  const auto work = [] {
    for (int i = 0; i < 50; ++i) {
      std::ostringstream text;
      text.imbue(std::locale::classic());
      text << i << ' ' << 1.5 * i;
      if (text.str().empty()) std::abort();
    }
  };
  std::thread other(work);
  work();
  other.join();
}
void clean_printing_together() {
  const auto work = [] {
    for (int i = 0; i < 20; ++i) std::cerr << "line " << i << ' ' << 1.5 * i << '\n' << std::flush;
  };
  std::thread other(work);
  work();
  other.join();
}
void clean_pool_of_std_threads() {
  std::mutex lock;
  std::condition_variable more;
  std::queue<std::function<void()>> jobs;
  bool closed = false;
  std::atomic<int> done{0};
  std::vector<std::thread> pool;
  pool.reserve(3);
  for (int i = 0; i < 3; ++i) {
    pool.emplace_back([&] {
      for (;;) {
        std::function<void()> job;
        {
          std::unique_lock held(lock);
          more.wait(held, [&] { return closed || !jobs.empty(); });
          if (jobs.empty()) return;
          job = std::move(jobs.front());
          jobs.pop();
        }
        job();
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    auto numbers = std::make_unique<std::vector<int>>(50, i);
    const std::lock_guard held(lock);
    jobs.emplace([&done, raw = std::shared_ptr<std::vector<int>>(std::move(numbers))] { done += raw->front() >= 0; });
    more.notify_one();
  }
  {
    const std::lock_guard held(lock);
    closed = true;
  }
  more.notify_all();
  for (std::thread& one : pool) one.join();
  if (done != 200) std::abort();
}

// ---- C11 and the system ---------------------------------------------------------------------------------------------

void clean_c11() {
  struct Shared {
    mtx_t lock;
    int data;
  } shared{};
  mtx_init(&shared.lock, mtx_plain);
  const thrd_start_t work = [](void* given) {
    auto* const at = static_cast<Shared*>(given);
    for (int i = 0; i < 200; ++i) {
      mtx_lock(&at->lock);
      ++at->data;
      mtx_unlock(&at->lock);
    }
    return 0;
  };
  std::array<thrd_t, 3> threads{};
  for (thrd_t& one : threads) {
    if (thrd_create(&one, work, &shared) != thrd_success) std::abort();
  }
  for (const thrd_t one : threads) thrd_join(one, nullptr);
  mtx_destroy(&shared.lock);
}
void clean_mapping_reused() {  // the same address twice, by different threads, with nothing between
  constexpr std::size_t kBytes = 1U << 16U;
  void* first = nullptr;
  one_after_the_other(
      [&] {
        void* const at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        std::memset(at, 1, kBytes);
        static_cast<volatile char*>(at)[100] = 2;
        munmap(at, kBytes);
        __atomic_store_n(&first, at, __ATOMIC_RELAXED);
      },
      [&] {
        void* const wanted = __atomic_load_n(&first, __ATOMIC_RELAXED);
        void* const at = mmap(wanted, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        static_cast<volatile char*>(at)[100] = 3;
        std::memset(at, 4, kBytes);
        munmap(at, kBytes);
      });
}
void clean_heap_reused() {
  one_after_the_other(
      [] {
        for (int i = 0; i < 100; ++i) delete new std::array<int, 10>{};
      },
      [] {
        for (int i = 0; i < 100; ++i) delete new std::array<int, 10>{};
      });
}
void clean_thread_stacks_reused() {
  for (int round = 0; round < 20; ++round) {
    std::thread([] {
      volatile int local[64];
      for (volatile int& one : local) one = 1;
    }).detach();
  }
  std::this_thread::yield();
}

// ---- copies ---------------------------------------------------------------------------------------------------------
// Not on the stack: clang leaves a local that it believes uncaptured out of the instrumentation.

void put(char& at) { static_cast<volatile char&>(at) = 'x'; }  // volatile: nobody reads it

// Somebody might read it: else its writing may be left out.
void keep(const char* at) { asm volatile("" : : "r"(at) : "memory"); }  // NOLINT(hicpp-no-assembler)

void race_in_memcpy() {
  static std::array<char, 64> from;
  static std::array<char, 64> to;
  keep(to.data());
  volatile std::size_t size = 13;
  one_after_the_other([&] { std::memcpy(to.data(), from.data(), size); }, [&] { put(to[12]); });
}
void clean_memcpy_beside() {
  static std::array<char, 64> from;
  static std::array<char, 64> to;
  keep(to.data());
  volatile std::size_t size = 13;
  one_after_the_other([&] { std::memcpy(to.data(), from.data(), size); }, [&] { put(to[13]); });
}
void race_in_small_memcpy() {
  static std::array<char, 64> from;
  static std::array<char, 64> to;
  keep(to.data());
  one_after_the_other([&] { std::memcpy(to.data(), from.data(), 13); }, [&] { put(to[12]); });
}
void race_in_memset() {
  static std::array<char, 64> to;
  keep(to.data());
  volatile std::size_t size = 40;
  one_after_the_other([&] { std::memset(to.data(), 1, size); }, [&] { put(to[39]); });
}
void race_in_strlen() {
  static std::array<char, 64> text;
  keep(text.data());
  std::strcpy(text.data(), "a text of some length");
  volatile std::size_t length = 0;
  one_after_the_other([&] { length = std::strlen(text.data()); }, [&] { put(text[3]); });
}

struct Case {
  const char* name;
  void (*run)();
};
#define VIGIL_CASE(name) \
  Case { #name, name }
constexpr Case kCases[] = {
    VIGIL_CASE(race_nothing_between),
    VIGIL_CASE(clean_release_store_acquire_load),
    VIGIL_CASE(race_relaxed_store),
    VIGIL_CASE(race_relaxed_load),
    VIGIL_CASE(race_only_the_failed_exchange_acquires_too_little),
    VIGIL_CASE(clean_failed_exchange_acquires),
    VIGIL_CASE(clean_release_sequence),
    VIGIL_CASE(race_release_sequence_ended),
    VIGIL_CASE(clean_store_by_the_head_itself),
    VIGIL_CASE(clean_two_releases_collect),
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
    VIGIL_CASE(clean_exception_of_our_own),
    VIGIL_CASE(clean_shared_ptr),
    VIGIL_CASE(clean_shared_ptr_dropped_by_another),
    VIGIL_CASE(clean_atomic_shared_ptr),
    VIGIL_CASE(clean_weak_ptr),
    VIGIL_CASE(clean_exception_ptr),
    VIGIL_CASE(clean_future),
    VIGIL_CASE(clean_future_with_exception),
    VIGIL_CASE(clean_packaged_task),
    VIGIL_CASE(clean_latch),
    VIGIL_CASE(clean_barrier),
    VIGIL_CASE(clean_semaphore),
    VIGIL_CASE(clean_atomic_wait),
    VIGIL_CASE(clean_call_once),
    VIGIL_CASE(clean_static_variable),
    VIGIL_CASE(clean_timed_mutex),
    VIGIL_CASE(clean_shared_timed_mutex),
    VIGIL_CASE(clean_condition_variable_any),
    VIGIL_CASE(clean_jthread_and_stop_token),
    VIGIL_CASE(clean_stop_callback),
    VIGIL_CASE(clean_streams_and_locales),
    VIGIL_CASE(clean_printing_together),
    VIGIL_CASE(clean_pool_of_std_threads),
    VIGIL_CASE(clean_c11),
    VIGIL_CASE(clean_mapping_reused),
    VIGIL_CASE(clean_heap_reused),
    VIGIL_CASE(clean_thread_stacks_reused),
    VIGIL_CASE(race_in_memcpy),
    VIGIL_CASE(clean_memcpy_beside),
    VIGIL_CASE(race_in_small_memcpy),
    VIGIL_CASE(race_in_memset),
    VIGIL_CASE(race_in_strlen),
};
#undef VIGIL_CASE

}  // namespace

// No argument: the names. `clean`: all correct ones in one process. Else the case of that name.
int main(int argc, char** argv) {
  if (argc < 2) {
    std::puts("clean");
    for (const Case& one : kCases) {
      if (std::strncmp(one.name, "race", 4) == 0) std::puts(one.name);
    }
    return 0;
  }
  const bool all_clean = std::strcmp(argv[1], "clean") == 0;
  bool found = false;
  for (const Case& one : kCases) {
    if (std::strcmp(one.name, argv[1]) != 0 && !(all_clean && std::strncmp(one.name, "clean", 5) == 0)) continue;
    found = true;
    one.run();
  }
  return found ? 0 : 1;
}
