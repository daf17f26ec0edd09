// Instrumented programs with tasks: what is handed over through the runtime's primitives belongs to who got it, and
// whoever keeps a pointer to it races. Items have memory of their own, moved by code that is instrumented (templates in
// the user's module) under locks that are not (libvigil.so).
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <vigil/vigil.hpp>

#include "test/interpose/instrument/end_cases.hpp"
#include "test/interpose/instrument/long_text.hpp"
#include "test/interpose/instrument/select_cases.hpp"

namespace {

using namespace std::chrono_literals;
using vigil::Channel;
using vigil::Unit;
using vigil::test::long_text;
using vigil::test::use;

// A static variable that one side initialises after its access orders nothing for another that never asks for it.
struct Late {
  int value = std::rand();
};
int late_value() {
  static const Late late;
  return late.value;
}
void race_traced_before_a_static() {
  vigil::Traced<int> shared(0);
  std::thread first([&] {
    shared = 1;
    static_cast<void>(late_value());
  });
  std::thread second([&] { shared = 2; });
  first.join();
  second.join();
}
void clean_traced_behind_a_static() {
  static vigil::Traced<int> shared(0);
  const auto initialise = [] {
    static const int once = [] {
      shared = 1;
      return 7;
    }();
    return once + shared.load();
  };
  std::thread first(initialise);
  std::thread second(initialise);
  first.join();
  second.join();
}

// ---- channels -------------------------------------------------------------------------------------------------------

void texts_through(std::size_t capacity, int senders, int receivers) {
  Channel<std::string> texts(capacity);
  vigil::WaitGroup sending;
  vigil::WaitGroup receiving;
  for (int i = 0; i < senders; ++i) {
    sending.go([=] {
      for (int n = 0; n < 50; ++n) texts.send(long_text(n));
    });
  }
  for (int i = 0; i < receivers; ++i) {
    receiving.go([=] {
      for (std::string text : texts) {
        use(text);
        text += " and more";
      }
    });
  }
  sending.wait();
  texts.close();
  receiving.wait();
}
void clean_unbuffered() { texts_through(0, 1, 1); }
void clean_unbuffered_many() { texts_through(0, 3, 3); }
void clean_buffered() { texts_through(4, 1, 1); }
void clean_buffered_many() { texts_through(4, 3, 3); }
void clean_large_buffer() { texts_through(1000, 3, 1); }

void clean_move_only_items() {
  for (const std::size_t capacity : {0U, 2U}) {
    Channel<std::unique_ptr<std::vector<int>>> boxes(capacity);
    vigil::WaitGroup sending;
    sending.go([=] {
      for (int n = 0; n < 30; ++n) boxes.send(std::make_unique<std::vector<int>>(20, n));
      boxes.close();
    });
    int sum = 0;
    while (auto box = boxes.receive()) {
      sum += (*box)->at(10);
      (*box)->push_back(1);
    }
    sending.wait();
    if (sum != 435) std::abort();
  }
}
void clean_pointers_handed_over() {
  Channel<std::vector<int>*> there(1);
  Channel<std::vector<int>*> back(0);
  vigil::WaitGroup worker;
  worker.go([=] {
    while (const auto given = there.receive()) {
      (*given)->push_back(1);
      back.send(*given);
    }
  });
  std::vector<int> mine;
  for (int i = 0; i < 50; ++i) {
    mine.push_back(2);
    there.send(&mine);
    (void)back.receive();
  }
  there.close();
  worker.wait();
  if (mine.size() != 100) std::abort();
}
// What was done before the k-th receive is known after send k + capacity.
void clean_back_pressure() {
  Channel<Unit> permits(1);
  int value = 0;
  vigil::WaitGroup other;
  permits.send(Unit{});
  other.go([&] {
    value = 1;
    (void)permits.receive();
  });
  permits.send(Unit{});  // there was room for it only after the receive
  value = 2;
  other.wait();
}
void race_written_after_it_was_sent() {
  Channel<std::vector<int>*> boxes(1);
  auto box = std::make_unique<std::vector<int>>(4);
  vigil::WaitGroup reader;
  reader.go([=] {
    const auto given = boxes.receive();
    if ((*given)->at(2) > 1000) std::abort();
  });
  boxes.send(box.get());
  (*box)[2] = 7;
  reader.wait();
}
void race_unbuffered_and_written_after() {
  Channel<int*> pointers(0);
  int value = 0;
  vigil::WaitGroup reader;
  reader.go([=] {
    int* const given = *pointers.receive();
    *given = 1;
  });
  pointers.send(&value);
  value = 2;
  reader.wait();
}
void race_buffered_send_does_not_wait() {  // only the receive after it orders a buffered send's sender
  Channel<Unit> done(1);
  int value = 0;
  vigil::WaitGroup other;
  other.go([&] {
    (void)done.receive();
    value = 1;
  });
  done.send(Unit{});
  value = 2;
  other.wait();
}
void race_two_receivers() {
  Channel<int*> pointers(2);
  int value = 0;
  pointers.send(&value);
  pointers.send(&value);
  vigil::WaitGroup both;
  for (int i = 0; i < 2; ++i) {
    both.go([=] { ++**pointers.receive(); });
  }
  both.wait();
}
void clean_close_publishes() {
  std::vector<int> data;
  Channel<Unit> ready(0);
  vigil::WaitGroup readers;
  for (int i = 0; i < 3; ++i) {
    readers.go([&, ready] {
      (void)ready.receive();
      if (data.size() != 3) std::abort();
    });
  }
  data = {1, 2, 3};
  ready.close();
  readers.wait();
}
void clean_items_left_in_a_channel() {
  vigil::WaitGroup sender;
  {
    Channel<std::string> texts(10);
    sender.go([=] {
      for (int i = 0; i < 5; ++i) texts.send(long_text(i));
    });
    use(texts.receive().value());
  }
  sender.wait();  // whoever had the last handle destroyed what was left
}

// ---- the other primitives -------------------------------------------------------------------------------------------

void clean_closures_and_their_memory() {
  vigil::WaitGroup all;
  for (int i = 0; i < 200; ++i) {
    all.go([text = long_text(i), more = std::make_unique<std::string>(long_text(i))]() mutable {
      use(text);
      *more += text;
    });
  }
  all.wait();
}
void clean_task_stacks_reused() {
  for (int round = 0; round < 50; ++round) {
    vigil::go([] {
      volatile int local[200] = {};  // NOLINT(modernize-avoid-c-arrays): std::array has no volatile members
      for (volatile int& one : local) one = 1;
      vigil::yield();
      for (volatile int& one : local) one = 2;
    });
    vigil::yield();
  }
  // Polled, for nothing may order main after the tasks; how long it takes does not matter.
  while (vigil::task_count() != 0) vigil::sleep_for(1ms);
}
// What alloca takes lies below where any call began.
void clean_task_stacks_reused_after_alloca() {
  static volatile std::size_t size = 20'000;
  for (int round = 0; round < 200; ++round) {
    vigil::go([] {
      auto* const room = static_cast<volatile char*>(__builtin_alloca(size));
      room[0] = 1;  // far from all else that the task touches
    });
    while (vigil::task_count() != 0) vigil::yield();
  }
}
// So many tasks that what is known of most stacks lies in pieces (interpose/race/stack_places.hpp), each with an array
// over several pages of its own. use(array, whether main does it).
template <class Use>
void on_many_stacks(const Use& use) {
  constexpr std::size_t kTasks = 1200;
  using Large = std::array<std::size_t, 1024>;
  const Channel<Large*> arrays(kTasks);
  const Channel<Unit> end(0);
  vigil::WaitGroup all;
  for (std::size_t i = 0; i < kTasks; ++i) {
    all.go([&, i] {
      Large own{};
      own[i % own.size()] = i;
      arrays.send(&own);
      use(own, false);
      end.receive();
      own.fill(i);
    });
  }
  for (std::size_t i = 0; i < kTasks; ++i) use(*arrays.receive_or_zero(), true);
  end.close();
  all.wait();
}
void clean_many_stacks_used_in_turn_and_again() {
  const auto use = [](auto& array, bool by_main) {
    if (by_main) array.fill(1);
  };
  on_many_stacks(use);
  on_many_stacks(use);
}
void race_on_many_stacks() {
  on_many_stacks([](auto& array, bool by_main) { array.back() = by_main ? 1 : 2; });
}
void clean_mutex_and_rw_mutex() {
  vigil::Mutex lock;
  vigil::RwMutex shared;
  std::vector<std::string> texts;
  int sum = 0;
  vigil::WaitGroup all;
  for (int i = 0; i < 4; ++i) {
    all.go([&, i] {
      for (int n = 0; n < 30; ++n) {
        {
          const std::scoped_lock held(lock);
          ++sum;
        }
        if (n % 5 == i) {
          const std::scoped_lock held(shared);
          texts.push_back(long_text(n));
        } else {
          const std::shared_lock held(shared);
          for (const std::string& text : texts) use(text);
        }
      }
    });
  }
  all.wait();
  if (sum != 120) std::abort();
}
void clean_cond() {
  vigil::Mutex lock;
  vigil::Cond changed;
  std::vector<std::string> queue;
  vigil::WaitGroup consumer;
  consumer.go([&] {
    for (int taken = 0; taken < 50; ++taken) {
      std::unique_lock held(lock);
      changed.wait(held, [&] { return !queue.empty(); });
      use(queue.back());
      queue.pop_back();
    }
  });
  for (int i = 0; i < 50; ++i) {
    const std::scoped_lock held(lock);
    queue.push_back(long_text(i));
    changed.notify_one();
  }
  consumer.wait();
}
void clean_once_semaphore_and_group() {
  vigil::Once once;
  std::string made;
  vigil::Semaphore two(2);
  std::array<std::string, 8> results;
  vigil::ErrorGroup group;
  for (std::size_t i = 0; i < results.size(); ++i) {
    group.go([&, i] {
      once.call([&] { made = long_text(1); });
      two.acquire();
      results[i] = made + long_text(static_cast<int>(i));
      two.release();
    });
  }
  group.wait();
  for (const std::string& result : results) use(result);
}
void clean_context_values_and_cancel() {
  auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  std::string reason;
  vigil::WaitGroup waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.go([ctx = ctx, &reason] {
      (void)ctx.done().receive();
      use(reason);
    });
  }
  reason = long_text(3);
  cancel();
  waiters.wait();
}
void clean_timers() {
  std::string text;
  Channel<Unit> fired(0);
  text = long_text(1);
  vigil::Timer timer = vigil::after_func(1ms, [&, fired] {
    use(text);
    text = long_text(2);
    fired.close();
  });
  (void)fired.receive();
  use(text);
  (void)vigil::after(1ms).receive();
}
void clean_worker_pool() {
  std::array<std::string, 30> results;
  vigil::WaitGroup done;
  {
    vigil::WorkerPool pool({.workers = 3});
    for (std::size_t i = 0; i < results.size(); ++i) {
      done.add(1);
      pool.submit([&, i, text = long_text(static_cast<int>(i))] {
        results[i] = text;
        done.done();
      });
    }
    done.wait();
  }
  for (const std::string& result : results) use(result);
}
void clean_exceptions_out_of_tasks() {
  vigil::ErrorGroup group;
  for (int i = 0; i < 4; ++i) {
    group.go([i] {
      if (i % 2 == 0) throw std::runtime_error(long_text(i));
    });
  }
  try {
    group.wait();
  } catch (const std::runtime_error& error) {
    use(error.what());
  }
}
void clean_tasks_and_threads_together() {
  Channel<std::string> texts(0);
  std::vector<std::string> taken;
  std::mutex lock;
  std::thread thread([&, texts] {
    while (auto text = texts.receive()) {
      const std::lock_guard held(lock);
      taken.push_back(std::move(*text));
    }
  });
  vigil::WaitGroup senders;
  for (int i = 0; i < 3; ++i) {
    senders.go([=] {
      for (int n = 0; n < 20; ++n) texts.send(long_text(n));
    });
  }
  senders.wait();
  texts.close();
  thread.join();
  if (taken.size() != 60) std::abort();
}

[[gnu::noinline]] void count_for_this_thread() {
  thread_local int own = 0;
  ++own;
}
void clean_tasks_take_turns_at_a_thread_local() {
  vigil::WaitGroup tasks;
  for (int task = 0; task < 20; ++task) tasks.go(count_for_this_thread);
  tasks.wait();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(race_traced_before_a_static),
    VIGIL_CASE(clean_traced_behind_a_static),
    VIGIL_CASE(clean_unbuffered),
    VIGIL_CASE(clean_unbuffered_many),
    VIGIL_CASE(clean_buffered),
    VIGIL_CASE(clean_buffered_many),
    VIGIL_CASE(clean_large_buffer),
    VIGIL_CASE(clean_move_only_items),
    VIGIL_CASE(clean_pointers_handed_over),
    VIGIL_CASE(clean_back_pressure),
    VIGIL_CASE(race_written_after_it_was_sent),
    VIGIL_CASE(race_unbuffered_and_written_after),
    VIGIL_CASE(race_buffered_send_does_not_wait),
    VIGIL_CASE(race_two_receivers),
    VIGIL_CASE(clean_close_publishes),
    VIGIL_CASE(clean_items_left_in_a_channel),
    VIGIL_CASE(clean_closures_and_their_memory),
    VIGIL_CASE(clean_task_stacks_reused),
    VIGIL_CASE(clean_task_stacks_reused_after_alloca),
    VIGIL_CASE(clean_many_stacks_used_in_turn_and_again),
    VIGIL_CASE(race_on_many_stacks),
    VIGIL_CASE(clean_mutex_and_rw_mutex),
    VIGIL_CASE(clean_cond),
    VIGIL_CASE(clean_once_semaphore_and_group),
    VIGIL_CASE(clean_context_values_and_cancel),
    VIGIL_CASE(clean_timers),
    VIGIL_CASE(clean_worker_pool),
    VIGIL_CASE(clean_exceptions_out_of_tasks),
    VIGIL_CASE(clean_tasks_and_threads_together),
    VIGIL_CASE(clean_tasks_take_turns_at_a_thread_local),
};

}  // namespace

// No argument: the names. `clean`: all correct ones in one process. Else the case of that name.
int main(int argc, char** argv) {
  const bool lists = argc < 2;
  const bool all_clean = !lists && std::strcmp(argv[1], "clean") == 0;
  bool found = lists;
  if (lists) std::puts("clean");
  for (const auto table :
       {std::span<const vigil::test::Case>(kCases), vigil::test::end_cases(), vigil::test::select_cases()}) {
    for (const vigil::test::Case& one : table) {
      const bool is_clean = std::strncmp(one.name, "clean", 5) == 0;
      if (lists && !is_clean) std::puts(one.name);
      if (lists || (std::strcmp(one.name, argv[1]) != 0 && !(all_clean && is_clean))) continue;
      found = true;
      one.run();
    }
  }
  return found ? 0 : 1;
}
