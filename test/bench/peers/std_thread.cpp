// workloads_std_thread NAME N: the work of ../workloads.cpp with the standard library alone: a thread a task, and a
// queue of a mutex and two condition variables. The kernel schedules; it is not kept to two processors.
#include "../workload_main.hpp"
#include "peer_workloads.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>

namespace {

// The bounded queue everybody writes. Capacity 0 becomes 1: a rendezvous would cost a third wait for every item.
template <class T>
class BlockingQueue {
 public:
  explicit BlockingQueue(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)) {}
  bool send(T value) {
    {
      std::unique_lock held(lock_);
      has_room_.wait(held, [&] { return items_.size() < capacity_ || closed_; });
      if (closed_) return false;
      items_.push_back(std::move(value));
    }
    has_items_.notify_one();
    return true;
  }
  std::optional<T> receive() {
    std::optional<T> value;
    {
      std::unique_lock held(lock_);
      has_items_.wait(held, [&] { return !items_.empty() || closed_; });
      if (items_.empty()) return std::nullopt;
      value = std::move(items_.front());
      items_.pop_front();
    }
    has_room_.notify_one();
    return value;
  }
  void close() {
    const std::lock_guard held(lock_);
    closed_ = true;
    has_items_.notify_all();
    has_room_.notify_all();
  }

 private:
  const std::size_t capacity_;
  std::mutex lock_;
  std::condition_variable has_items_;
  std::condition_variable has_room_;
  std::deque<T> items_;
  bool closed_ = false;
};

struct StdThread {
  using Mutex = std::mutex;
  using Condition = std::condition_variable;
  template <class T>
  using Channel = BlockingQueue<T>;
  template <class F>
  static void go(F f) {
    std::thread(std::move(f)).detach();
  }
};

}  // namespace

int main(int argc, char** argv) {
  using Work = peers::Workloads<StdThread>;
  static constexpr std::int64_t kMostThreads = 20'000;  // Debian's default limits allow some 32,000
  static constexpr workloads::Workload kWorkloads[] = {
      {"pingpong", Work::pingpong, 1'000'000'000},
      {"pipeline", Work::pipeline, 1'000'000'000},
      {"mutex", Work::mutex, 1'000'000'000},
      {"spawn", Work::spawn, kMostThreads},
      {"alive", Work::alive, kMostThreads},
      {"sieve", Work::sieve, kMostThreads},
      {"matmul", Work::matmul, 10'000},
      {"mergesort", Work::mergesort, 1'000'000'000},
  };
  return workloads::workload_main(kWorkloads, {argv + 1, argv + argc}, [](auto work) { return work(); });
}
