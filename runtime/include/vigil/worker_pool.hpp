// WorkerPool: a bounded number of tasks that do what is submitted, through a bounded queue.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include "vigil/context.hpp"
#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/job.hpp"
#include "vigil/panic.hpp"

namespace vigil {

struct WorkerPoolOptions {
  std::size_t workers = 0;  // at most; 0: as many as may run at once, see set_max_procs()
  std::size_t queue = 0;    // jobs that may wait for a worker; 0: submit() hands each straight to one
  // A worker without a job for so long ends; the next job that needs one starts one. Zero or less: never.
  std::chrono::nanoseconds idle_expiry{0};
  // Called in the worker for what a job throws; the worker goes on. Empty: it ends the program, as in any task. What
  // the handler itself throws does.
  std::function<void(std::exception_ptr)> on_failure = {};
};

namespace detail {

template <std::integral Count>
std::size_t count_of_workers(Count workers) {
  if (std::cmp_less(workers, 0)) throw Panic("negative number of workers");
  return static_cast<std::size_t>(workers);
}

}  // namespace detail

// Workers start as they are needed. Cannot be copied or moved. All may be called from tasks and plain threads.
// Ordering: a submit() happens before its job; the end of a job happens before the wait() that waited for it returns.
class WorkerPool {
 public:
  VIGIL_EXPORT explicit WorkerPool(WorkerPoolOptions options = {});
  // WorkerPool pool(4): options with so many workers. Throws Panic ("negative number of workers").
  template <std::integral Count>
  explicit WorkerPool(Count workers) : WorkerPool(WorkerPoolOptions{.workers = detail::count_of_workers(workers)}) {}
  // close(), then waits until every job is done and every worker has ended. Not from one of its own jobs: that waits
  // for itself.
  VIGIL_EXPORT ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Has job() called by a worker, in the order of submission. Parks the caller while all workers are busy and the queue
  // is full. Throws Panic ("submit to a closed WorkerPool"; "go of nil func value").
  template <detail::Callable Function>
  void submit(Function&& job) {
    static_cast<void>(submit_job(nullptr, detail::Job(std::forward<Function>(job))));
  }
  // The same, until ctx is done: zero, or ctx.err() and the job is not done; that also when the pool is closed.
  template <detail::Callable Function>
  [[nodiscard]] std::error_code submit(const Context& ctx, Function&& job) {
    return submit_job(&ctx, detail::Job(std::forward<Function>(job)));
  }
  // The same if that needs no wait; says whether it did.
  template <detail::Callable Function>
  [[nodiscard]] bool try_submit(Function&& job) {
    return try_submit_job(detail::Job(std::forward<Function>(job)));
  }

  // Parks the caller until no job that was submitted is left. More may be submitted meanwhile, and afterwards. Not from
  // one of its own jobs: that waits for itself.
  [[gnu::always_inline]] void wait() {
    wait_outlined();
    detail::keep_callers_frame();
  }
  // No more jobs; those submitted are done, also by a submit() that still waits. Again: nothing.
  VIGIL_EXPORT void close();

  // Tasks that are workers now.
  [[nodiscard]] VIGIL_EXPORT std::size_t worker_count() const;

 private:
  VIGIL_EXPORT void wait_outlined();
  struct State;
  VIGIL_EXPORT std::error_code submit_job(const Context* ctx, detail::Job job);
  VIGIL_EXPORT bool try_submit_job(detail::Job job);

  std::unique_ptr<State> state_;
};

}  // namespace vigil
