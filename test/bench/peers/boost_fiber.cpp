// workloads_boost_fiber SCHEDULER NAME N: the work of ../workloads.cpp on Boost.Fiber. SCHEDULER is
//   round_robin    one thread, the library's default
//   shared_work    two threads, one queue of ready fibers between them
//   work_stealing  two threads, a queue each
// Everything else is the library's default too: stack size and allocator, launch::post. Its buffered channel of
// capacity 128 holds 127 items. It has no select.
#include "../workload_main.hpp"
#include "peer_workloads.hpp"

#include <boost/fiber/algo/shared_work.hpp>
#include <boost/fiber/algo/work_stealing.hpp>
#include <boost/fiber/all.hpp>

#include <string_view>
#include <thread>
#include <utility>

namespace {

namespace fibers = boost::fibers;

// An idle thread of these schedulers either spins or sleeps until a fiber of its own is woken: nobody tells it of work
// it could take. Asleep it would leave everything to the first thread, so it spins.
constexpr bool kSleepWhenIdle = false;

// Both channels of the library behind one face; the capacity decides which.
template <class T>
class FiberChannel {
 public:
  explicit FiberChannel(std::size_t capacity) {
    if (capacity == 0) {
      unbuffered_.emplace();
    } else {
      buffered_.emplace(capacity);
    }
  }
  bool send(T value) {
    return (buffered_ ? buffered_->push(value) : unbuffered_->push(value)) == fibers::channel_op_status::success;
  }
  std::optional<T> receive() {
    T value{};
    const auto status = buffered_ ? buffered_->pop(value) : unbuffered_->pop(value);
    return status == fibers::channel_op_status::success ? std::optional<T>(value) : std::nullopt;
  }
  void close() {
    if (buffered_) {
      buffered_->close();
    } else {
      unbuffered_->close();
    }
  }

 private:
  std::optional<fibers::unbuffered_channel<T>> unbuffered_;
  std::optional<fibers::buffered_channel<T>> buffered_;
};

struct BoostFiber {
  using Mutex = fibers::mutex;
  using Condition = fibers::condition_variable;
  template <class T>
  using Channel = FiberChannel<T>;
  template <class F>
  static void go(F f) {
    fibers::fiber(std::move(f)).detach();
  }
};

// Runs `work` on this thread and one more, which take fibers from each other, and ends the other thread.
template <class Algorithm, class... Arguments>
int on_two_threads(int (*work)(std::span<char* const>), std::span<char* const> args, Arguments... arguments) {
  fibers::mutex lock;
  fibers::condition_variable ended;
  bool over = false;
  std::thread other([&] {
    fibers::use_scheduling_algorithm<Algorithm>(arguments...);
    std::unique_lock held(lock);
    ended.wait(held, [&] { return over; });  // this fiber waits; the thread runs others meanwhile
  });
  fibers::use_scheduling_algorithm<Algorithm>(arguments...);
  const int status = work(args);
  {
    const std::lock_guard held(lock);
    over = true;
    ended.notify_all();
  }
  other.join();
  return status;
}

int run(std::span<char* const> args) {
  using Work = peers::Workloads<BoostFiber>;
  static constexpr workloads::Workload kWorkloads[] = {
      {"pingpong", Work::pingpong, 1'000'000'000},
      {"pipeline", Work::pipeline, 1'000'000'000},
      {"mutex", Work::mutex, 1'000'000'000},
      {"spawn", Work::spawn, 100'000'000},
      {"alive", Work::alive, 10'000'000},
      {"sieve", Work::sieve, 1'000'000},
      {"matmul", Work::matmul, 10'000},
      {"mergesort", Work::mergesort, 1'000'000'000},
  };
  return workloads::workload_main(kWorkloads, args, [](auto work) { return work(); });
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char* const> args(argv, static_cast<std::size_t>(argc));
  const std::string_view scheduler = args.size() > 1 ? args[1] : "";
  if (scheduler == "round_robin") return run(args.subspan(2));
  if (scheduler == "shared_work")
    return on_two_threads<fibers::algo::shared_work>(run, args.subspan(2), kSleepWhenIdle);
  if (scheduler == "work_stealing")
    return on_two_threads<fibers::algo::work_stealing>(run, args.subspan(2), 2U, kSleepWhenIdle);
  std::fprintf(stderr, "workloads: the first word must be round_robin, shared_work or work_stealing\n");
  return 2;
}
