// The data races of the catalogue with std::thread and nothing of vigil: each row as it goes wrong, and with its
// remedy.
#include <array>
#include <atomic>
#include <cstdlib>
#include <latch>
#include <memory>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "test/interpose/threads/cases.hpp"

namespace {

using vigil::test::Whistle;

// Runs work(0) and work(1) on a thread each, one after the other so that nothing breaks, with nothing between them that
// orders them.
template <class Work>
void by_two(Work&& work) {
  Whistle first_is_done;
  std::thread first([&] {
    work(0);
    first_is_done.blow();
  });
  std::thread second([&] {
    first_is_done.hear();
    work(1);
  });
  first.join();
  second.join();
}

void race_counter() {
  int served = 0;
  by_two([&](int) { ++served; });
}
void clean_counter() {
  int served = 0;
  std::mutex counting;
  by_two([&](int) {
    const std::lock_guard held(counting);
    ++served;
  });
}

void race_map_write() {
  std::unordered_map<int, std::string> fetched;
  by_two([&](int page) { fetched.emplace(page, "text"); });
}
void clean_map_write() {
  std::unordered_map<int, std::string> fetched;
  std::mutex inserting;
  by_two([&](int page) {
    const std::lock_guard held(inserting);
    fetched.emplace(page, "text");
  });
}

struct Account {
  std::mutex lock;
  int balance = 0;
  int changes = 0;
};
void race_missed_field() {
  Account account;
  by_two([&](int) {
    {
      const std::lock_guard held(account.lock);
      ++account.balance;
    }
    ++account.changes;
  });
}
void clean_missed_field() {
  Account account;
  by_two([&](int) {
    const std::lock_guard held(account.lock);
    ++account.balance;
    ++account.changes;
  });
}

void race_poll_flag() {
  bool stop = false;
  std::thread worker([&] {
    while (!stop) std::this_thread::yield();
  });
  stop = true;
  worker.join();
}
void clean_poll_flag() {
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    while (!stop) std::this_thread::yield();
  });
  stop = true;
  worker.join();
}

void race_loop_capture() {
  std::array<std::atomic<int>, 4> visits{};
  std::vector<std::thread> parts;
  std::size_t part = 0;
  for (; part < 3; ++part) parts.emplace_back([&] { ++visits.at(part); });
  for (std::thread& one : parts) one.join();
}
void clean_loop_capture() {
  std::array<std::atomic<int>, 4> visits{};
  std::vector<std::thread> parts;
  for (std::size_t part = 0; part < 3; ++part) parts.emplace_back([&, part] { ++visits.at(part); });
  for (std::thread& one : parts) one.join();
}

void race_write_under_read_lock() {
  std::shared_mutex lock;
  int hits = 0;
  by_two([&](int) {
    const std::shared_lock held(lock);
    ++hits;
  });
}
void clean_write_under_read_lock() {
  std::shared_mutex lock;
  int hits = 0;
  by_two([&](int) {
    const std::unique_lock held(lock);
    ++hits;
  });
}

// Below, too, no two accesses fall into one moment: ThreadSanitizer stores what it saw after it has looked, so that
// then neither may see the other.
struct Config {
  int limit = 0;
};
template <class Publish>
void publish_and_serve(Publish&& publish) {
  Whistle is_complete;
  const auto config = std::make_unique<Config>();
  std::atomic<const Config*> current{nullptr};
  std::thread server([&] {
    const Config* found = nullptr;
    while ((found = current.load()) == nullptr) std::this_thread::yield();
    is_complete.hear();
    if (found->limit > 100) std::abort();
  });
  publish(current, *config);
  is_complete.blow();
  server.join();
}
void race_unsafe_publish() {
  publish_and_serve([](std::atomic<const Config*>& current, Config& config) {
    current = &config;
    config.limit = 10;
  });
}
void clean_unsafe_publish() {
  publish_and_serve([](std::atomic<const Config*>& current, Config& config) {
    config.limit = 10;
    current = &config;
  });
}

void race_result_before_wait() {
  std::vector<int> results(2);
  Whistle is_written;
  std::thread part([&] {
    results[1] = 1;
    is_written.blow();
  });
  is_written.hear();
  const int sum = std::accumulate(results.begin(), results.end(), 0);
  part.join();
  if (sum > 1) std::abort();
}
void clean_result_before_wait() {
  std::vector<int> results(2);
  std::thread part([&] { results[1] = 1; });
  part.join();
  if (std::accumulate(results.begin(), results.end(), 0) != 1) std::abort();
}

void race_check_then_act() {
  std::mutex lock;
  int stock = 1;
  std::latch asked(2);
  Whistle first_has_bought;
  const auto buy = [&](bool is_first) {
    bool available = false;
    {
      const std::lock_guard held(lock);
      available = stock > 0;
    }
    asked.arrive_and_wait();
    if (!is_first) first_has_bought.hear();
    if (available && stock <= 1) {
      const std::lock_guard held(lock);
      --stock;
    }
    if (is_first) first_has_bought.blow();
  };
  std::thread other(buy, false);
  buy(true);
  other.join();
}
void clean_check_then_act() {
  std::mutex lock;
  int stock = 1;
  std::latch asked(2);
  const auto buy = [&] {
    asked.arrive_and_wait();
    const std::lock_guard held(lock);
    if (stock > 0) --stock;
  };
  std::thread other(buy);
  buy();
  other.join();
}

// What was freed is used: by another thread, ordered and not, by the same thread, and twice freed it never is.
struct Request {
  int id = 7;
};
void freed_used_by_the_one_who_freed() {
  auto* const request = new Request;
  delete request;
  if (__atomic_load_n(&request->id, __ATOMIC_RELAXED) == 8) std::abort();
}
void freed_used_by_another_later() {
  auto* const request = new Request;
  std::thread other([=] {
    Request* volatile mine = request;
    delete mine;
  });
  other.join();
  const Request* volatile mine = request;
  if (mine->id == 8) std::abort();
}
void freed_array_written() {
  volatile int* const volatile numbers = new int[100];
  delete[] numbers;
  numbers[50] = 1;
}
void freed_by_realloc() {
  volatile int* volatile first = static_cast<int*>(std::malloc(100));
  volatile int* volatile second = static_cast<int*>(std::realloc(const_cast<int*>(first), 5000));
  second[0] = 1;
  first[3] = 2;
  std::free(const_cast<int*>(second));
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(race_counter),
    VIGIL_CASE(clean_counter),
    VIGIL_CASE(race_map_write),
    VIGIL_CASE(clean_map_write),
    VIGIL_CASE(race_missed_field),
    VIGIL_CASE(clean_missed_field),
    VIGIL_CASE(race_poll_flag),
    VIGIL_CASE(clean_poll_flag),
    VIGIL_CASE(race_loop_capture),
    VIGIL_CASE(clean_loop_capture),
    VIGIL_CASE(race_write_under_read_lock),
    VIGIL_CASE(clean_write_under_read_lock),
    VIGIL_CASE(race_unsafe_publish),
    VIGIL_CASE(clean_unsafe_publish),
    VIGIL_CASE(race_result_before_wait),
    VIGIL_CASE(clean_result_before_wait),
    VIGIL_CASE(race_check_then_act),
    VIGIL_CASE(clean_check_then_act),
    VIGIL_CASE(freed_used_by_the_one_who_freed),
    VIGIL_CASE(freed_used_by_another_later),
    VIGIL_CASE(freed_array_written),
    VIGIL_CASE(freed_by_realloc),
};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
