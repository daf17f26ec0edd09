// WorkerPool. Invariants, whenever lock is free:
//   I1  idle counts the workers that wait for a job, coming those jobs that somebody sends or has put into the queue
//   and no
//       worker has begun. idle > coming: so many workers have nothing in sight, and a new job needs no new one.
//   I2  coming > 0 implies workers > 0: a worker ends only while idle > coming, so every job finds one.
//   I3  left counts the jobs submitted and not done.
#include "vigil/worker_pool.hpp"

#include <mutex>

#include "vigil/channel.hpp"
#include "vigil/cond.hpp"
#include "vigil/mutex.hpp"
#include "vigil/panic.hpp"
#include "vigil/select.hpp"
#include "vigil/task.hpp"

namespace vigil {

struct WorkerPool::State {
  explicit State(WorkerPoolOptions given)
      : options(std::move(given)),
        most(options.workers != 0 ? options.workers : static_cast<std::size_t>(set_max_procs(0))),
        queue(options.queue) {}

  const WorkerPoolOptions options;
  const std::size_t most;  // workers
  const Channel<detail::Job> queue;
  const Channel<Unit> closing{0};

  Mutex lock;
  Cond done;  // left or workers became zero
  bool closed = false;
  std::size_t workers = 0;
  std::size_t idle = 0;
  std::size_t coming = 0;
  std::size_t left = 0;

  enum class Way { NewWorker, Queue, Full };

  // With lock held: how a new job gets to a worker.
  Way admit_locked(bool may_wait) {
    if (closed) throw Panic("submit to a closed WorkerPool");
    const bool somebody_is_free = idle > coming;
    if (!somebody_is_free && workers < most) {
      ++workers;
      ++left;
      return Way::NewWorker;
    }
    // The jobs that no idle worker will take at once fill the queue.
    if (!may_wait && !somebody_is_free && coming - idle >= options.queue) return Way::Full;
    ++coming;
    ++left;
    return Way::Queue;
  }

  void start_worker(detail::Job first) {
    try {
      go([this, first = std::move(first)]() mutable { work(std::move(first)); });
    } catch (...) {
      const std::scoped_lock held(lock);
      --workers;
      if (--left == 0) done.notify_all();
      throw;
    }
  }

  void work(detail::Job job) {
    do {
      run(std::move(job));
      job = {};
    } while (next(job));
  }

  void run(detail::Job job) {
    if (job) {
      if (options.on_failure) {
        try {
          job();
        } catch (...) {
          options.on_failure(std::current_exception());
        }
      } else {
        job();
      }
    }
    job = {};  // what it holds goes before wait() returns
    const std::scoped_lock held(lock);
    ++idle;
    if (--left == 0) done.notify_all();
  }

  // The next job; false: this worker ends.
  bool next(detail::Job& job) {
    bool look_at_closing = true;
    for (;;) {
      bool got = false;
      const auto take = [&](std::optional<detail::Job> item) {
        job = std::move(*item);  // the queue is never closed
        got = true;
      };
      const ReceiveChannel<Unit> close_signal =
          look_at_closing ? ReceiveChannel<Unit>(closing) : ReceiveChannel<Unit>();
      if (options.idle_expiry > std::chrono::nanoseconds(0))
        select(on_receive(queue, take), on_receive(close_signal), on_timeout(options.idle_expiry));
      else
        select(on_receive(queue, take), on_receive(close_signal));
      const std::scoped_lock held(lock);
      if (got) {
        --coming;
        --idle;
        return true;
      }
      if (idle > coming) {
        --idle;
        if (--workers == 0) done.notify_all();
        return false;
      }
      look_at_closing = !closed;  // a job is coming, to this worker or to one that then has no other
    }
  }

  // A submit() gave up: nothing comes for it.
  void withdraw() {
    {
      const std::scoped_lock held(lock);
      if (!closed) {
        --coming;
        if (--left == 0) done.notify_all();
        return;
      }
    }
    queue.send({});  // a worker that is to end may count on it: let it have nothing to do
  }
};

WorkerPool::WorkerPool(WorkerPoolOptions options) : state_(std::make_unique<State>(std::move(options))) {}

WorkerPool::~WorkerPool() {
  close();
  std::unique_lock held(state_->lock);
  state_->done.wait(held, [this] { return state_->left == 0 && state_->workers == 0; });
}

std::error_code WorkerPool::submit_job(const Context* ctx, detail::Job job) {
  State& state = *state_;
  State::Way way{};
  {
    const std::scoped_lock held(state.lock);
    if (ctx != nullptr)
      if (const std::error_code done = ctx->err()) return done;
    way = state.admit_locked(true);
  }
  if (way == State::Way::NewWorker) {
    state.start_worker(std::move(job));
    return {};
  }
  if (ctx == nullptr) {
    state.queue.send(std::move(job));
    return {};
  }
  if (select(on_send(state.queue, std::move(job)), on_receive(ctx->done())) == 0) return {};
  state.withdraw();
  return ctx->err();
}

bool WorkerPool::try_submit_job(detail::Job job) {
  State& state = *state_;
  State::Way way{};
  {
    const std::scoped_lock held(state.lock);
    way = state.admit_locked(false);
  }
  if (way == State::Way::Full) return false;
  if (way == State::Way::NewWorker)
    state.start_worker(std::move(job));
  else
    state.queue.send(std::move(job));  // there is room, or a worker on its way to take it
  return true;
}

void WorkerPool::wait_outlined() {
  std::unique_lock held(state_->lock);
  state_->done.wait(held, [this] { return state_->left == 0; });
}

void WorkerPool::close() {
  const std::scoped_lock held(state_->lock);
  if (std::exchange(state_->closed, true)) return;
  state_->closing.close();
}

std::size_t WorkerPool::worker_count() const {
  const std::scoped_lock held(state_->lock);
  return state_->workers;
}

}  // namespace vigil
