// GLib, whose locks, queues, pools and main loops are futexes and atomics inside a library that is not instrumented:
// what they order is in order, and its neighbour that is one step wrong is a race.
#include <glib-object.h>
#include <glib.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <thread>
#include <vector>

#include "test/interpose/instrument/glib_cases.hpp"

namespace {

using namespace vigil::test;  // what glib_cases.hpp has

// ---- locks ---------------------------------------------------------------------------------------------------------

struct Mutex {
  Mutex() { g_mutex_init(&mutex); }
  ~Mutex() { g_mutex_clear(&mutex); }
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  GMutex mutex;
};

void clean_mutex() {
  Mutex lock;
  int value = 0;
  const auto add = [&] {
    for (int i = 0; i < kTimes; ++i) {
      if (i % 2 == 0 || g_mutex_trylock(&lock.mutex) == FALSE) g_mutex_lock(&lock.mutex);
      ++value;
      g_mutex_unlock(&lock.mutex);
    }
  };
  together({add, add});
  demand(value == 2 * kTimes);
}
void race_two_mutexes() {
  Mutex one;
  Mutex other;
  int value = 0;
  const auto add = [&](Mutex& lock) {
    g_mutex_lock(&lock.mutex);
    ++value;
    g_mutex_unlock(&lock.mutex);
  };
  together({[&] { add(one); }, [&] { add(other); }});
}
void race_after_a_trylock_that_failed() {
  Mutex lock;
  Whistle taken;
  Whistle tried;
  int value = 0;
  together({[&] {
              g_mutex_lock(&lock.mutex);
              ++value;
              taken.blow();
              tried.hear();
              g_mutex_unlock(&lock.mutex);
            },
            [&] {
              taken.hear();
              demand(g_mutex_trylock(&lock.mutex) == FALSE);
              ++value;
              tried.blow();
            }});
}
void condition(bool writes_under_the_lock) {
  Mutex lock;
  GCond changed;
  g_cond_init(&changed);
  bool is_ready = false;
  int value = 0;
  together({[&] {
              g_mutex_lock(&lock.mutex);
              while (!is_ready) g_cond_wait(&changed, &lock.mutex);
              ++value;
              g_mutex_unlock(&lock.mutex);
            },
            [&] {
              g_mutex_lock(&lock.mutex);
              if (writes_under_the_lock) ++value;
              is_ready = true;
              g_cond_signal(&changed);
              g_mutex_unlock(&lock.mutex);
              if (!writes_under_the_lock) ++value;
            }});
  g_cond_clear(&changed);
}
void clean_condition() { condition(true); }
void race_after_a_condition() { condition(false); }

void clean_bit_lock() {
  int word = 0;
  int value = 0;
  const auto add = [&] {
    for (int i = 0; i < kTimes; ++i) {
      g_bit_lock(&word, 3);
      ++value;
      g_bit_unlock(&word, 3);
    }
  };
  together({add, add});
}

// ---- what is done once ---------------------------------------------------------------------------------------------

int made = 0;
void clean_once() {
  static GOnce once = G_ONCE_INIT;
  const auto use = [] {
    const auto make = [](void* given) -> void* {
      made = 7;
      return given;
    };
    g_once(&once, make, nullptr);
    demand(made == 7);
  };
  together({use, use, use});
}
void initialise_once(bool writes_before) {
  static gsize state = 0;
  const auto use = [&] {
    if (g_once_init_enter(&state)) {
      if (writes_before) made = 7;
      g_once_init_leave(&state, 1);
      if (!writes_before) made = 7;
    }
    demand(made == 7 || !writes_before);
  };
  together({use, use});
}
void clean_initialised_once() { initialise_once(true); }
void race_after_an_initialisation() { initialise_once(false); }

// ---- queues and pools ----------------------------------------------------------------------------------------------

void clean_queue() {
  GAsyncQueue* const queue = g_async_queue_new();
  int sum = 0;
  together({[&] {
              for (int i = 0; i < kTimes; ++i) g_async_queue_push(queue, new int(i));
            },
            [&] {
              for (int i = 0; i < kTimes; ++i) {
                auto* const item = static_cast<int*>(g_async_queue_pop(queue));
                sum += *item;
                delete item;
              }
            }});
  g_async_queue_unref(queue);
  demand(sum == kTimes * (kTimes - 1) / 2);
}
void race_with_what_was_pushed() {
  GAsyncQueue* const queue = g_async_queue_new();
  int item = 0;
  together({[&] {
              g_async_queue_push(queue, &item);
              ++item;
            },
            [&] { ++*static_cast<int*>(g_async_queue_pop(queue)); }});
  g_async_queue_unref(queue);
}
void clean_pool() {
  struct Job {
    int given;
    int done;
  };
  GAsyncQueue* const results = g_async_queue_new();
  const auto work = [](void* job, void* queue) {
    static_cast<Job*>(job)->done = static_cast<Job*>(job)->given;
    g_async_queue_push(static_cast<GAsyncQueue*>(queue), job);
  };
  GThreadPool* const pool = g_thread_pool_new(work, results, 2, TRUE, nullptr);
  for (int i = 0; i < kTimes; ++i) g_thread_pool_push(pool, new Job{i, 0}, nullptr);
  int sum = 0;
  for (int i = 0; i < kTimes; ++i) {
    auto* const job = static_cast<Job*>(g_async_queue_pop(results));
    sum += job->done;
    delete job;
  }
  demand(sum == kTimes * (kTimes - 1) / 2);
  g_thread_pool_free(pool, FALSE, TRUE);
  g_async_queue_unref(results);
}
// Adds, as the only job of its pool, to what it is given; and so does main, behind the pool's end or before it.
void pool_of_one(bool waits) {
  static Whistle done;
  const auto work = [](void* value, void*) {
    ++*static_cast<int*>(value);
    done.blow();
  };
  int value = 0;
  GThreadPool* const pool = g_thread_pool_new(work, nullptr, 1, FALSE, nullptr);
  g_thread_pool_push(pool, &value, nullptr);
  done.hear();
  if (waits) g_thread_pool_free(pool, FALSE, TRUE);
  ++value;
  if (!waits) g_thread_pool_free(pool, FALSE, TRUE);
}
void clean_after_a_pool() { pool_of_one(true); }
void race_with_a_job() { pool_of_one(false); }
void race_two_jobs() {
  static std::atomic<int> arrived;
  arrived = 0;
  const auto work = [](void* value, void*) {
    arrived.fetch_add(1, std::memory_order_relaxed);
    while (arrived.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
    ++*static_cast<int*>(value);
  };
  int value = 0;
  GThreadPool* const pool = g_thread_pool_new(work, nullptr, 2, TRUE, nullptr);
  g_thread_pool_push(pool, &value, nullptr);
  g_thread_pool_push(pool, &value, nullptr);
  g_thread_pool_free(pool, FALSE, TRUE);
}

// Whoever puts in an item compares those that wait, which others have put in.
int compare(const void* one, const void* other, void*) {
  return *static_cast<const int*>(one) - *static_cast<const int*>(other);
}
void clean_queue_in_order() {
  GAsyncQueue* const queue = g_async_queue_new();
  const auto push = [&] {
    for (int i = 0; i < kTimes / 10; ++i) g_async_queue_push_sorted(queue, new int(i), compare, nullptr);
    g_async_queue_sort(queue, compare, nullptr);
  };
  const auto pop = [&] {
    for (int i = 0; i < 2 * (kTimes / 10); ++i) delete static_cast<int*>(g_async_queue_pop(queue));
  };
  together({push, push, pop});
  g_async_queue_unref(queue);
}
// A pool whose only thread does its first job until it is told to go on.
template <class Push>
void pool_in_order(bool from_the_first, Push&& push) {
  static Whistle go;
  const auto work = [](void* item, void*) {
    if (*static_cast<int*>(item) < 0) go.hear();
    ++*static_cast<int*>(item);
  };
  int first = -1;
  GThreadPool* const pool = g_thread_pool_new(work, nullptr, 1, TRUE, nullptr);
  if (from_the_first) g_thread_pool_set_sort_function(pool, compare, nullptr);
  g_thread_pool_push(pool, &first, nullptr);
  push(pool);
  g_thread_pool_set_sort_function(pool, compare, nullptr);
  go.blow();
  g_thread_pool_free(pool, FALSE, TRUE);
}
void clean_jobs_in_order() {
  static int items[2][kTimes / 10] = {};
  const auto push = [](GThreadPool* pool) {
    const auto all = [pool](auto& its) {
      for (int& item : its) g_thread_pool_push(pool, &item, nullptr);
    };
    together({[&] { all(items[0]); }, [&] { all(items[1]); }});
  };
  pool_in_order(true, push);
  pool_in_order(false, push);
}
void race_with_a_comparison() {
  pool_in_order(true, [](GThreadPool* pool) {
    static int items[2] = {};
    Whistle pushed;
    together({[&] {
                g_thread_pool_push(pool, &items[0], nullptr);
                ++items[0];
                pushed.blow();
              },
              [&] {
                pushed.hear();
                g_thread_pool_push(pool, &items[1], nullptr);
              }});
  });
}

// ---- main loops ----------------------------------------------------------------------------------------------------

// A thread with a loop of its own, until it is told to quit.
class Loop {
 public:
  Loop() : thread_(g_thread_new("loop", &run, this)) {}
  ~Loop() {
    const auto quit = [](void* loop) -> gboolean {
      g_main_loop_quit(static_cast<GMainLoop*>(loop));
      return G_SOURCE_REMOVE;
    };
    add(quit, loop_);
    g_thread_join(thread_);
    g_main_loop_unref(loop_);
    g_main_context_unref(context_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  void add(GSourceFunc call, void* data) const {
    GSource* const source = g_idle_source_new();
    g_source_set_callback(source, call, data, nullptr);
    attach(source);
    g_source_unref(source);
  }
  void attach(GSource* source) const { g_source_attach(source, context_); }

 private:
  static void* run(void* given) {
    auto* const self = static_cast<Loop*>(given);
    g_main_loop_run(self->loop_);
    return nullptr;
  }
  GMainContext* context_ = g_main_context_new();
  GMainLoop* loop_ = g_main_loop_new(context_, FALSE);
  GThread* thread_;
};
gboolean add_one(void* value) {
  ++*static_cast<int*>(value);
  return G_SOURCE_REMOVE;
}
void clean_sources() {
  int values[kTimes] = {};
  const Loop loop;
  for (int i = 0; i < kTimes; ++i) {
    values[i] = i;
    loop.add(add_one, &values[i]);
  }
}
void race_with_a_source() {
  static Whistle done;
  int value = 0;
  const Loop loop;
  const auto add_and_tell = [](void* given) -> gboolean {
    add_one(given);
    done.blow();
    return G_SOURCE_REMOVE;
  };
  loop.add(add_and_tell, &value);
  done.hear();
  ++value;
}
void race_of_a_source_with_what_came_later() {
  static Whistle changed;
  int value = 0;
  const Loop loop;
  const auto add_at_last = [](void* given) -> gboolean {
    changed.hear();
    return add_one(given);
  };
  static Whistle added;
  const auto tell = [](void*) -> gboolean {
    added.blow();
    return G_SOURCE_REMOVE;
  };
  loop.add(add_at_last, &value);
  loop.add(tell, nullptr);
  ++value;
  changed.blow();
  added.hear();
}
void clean_loop_that_another_quits() {
  struct State {
    GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
    int value = 0;
    std::thread other;
  } state;
  // Once it runs: a loop that has not begun cannot be quit.
  const auto begin = [](void* given) -> gboolean {
    auto* const the = static_cast<State*>(given);
    the->other = std::thread([the] {
      ++the->value;
      g_main_loop_quit(the->loop);
    });
    return G_SOURCE_REMOVE;
  };
  g_idle_add(begin, &state);
  g_main_loop_run(state.loop);
  ++state.value;
  state.other.join();
  g_main_loop_unref(state.loop);
}

// What the source has done comes before what frees its data, wherever that is called.
void clean_source_that_another_ends() {
  static Whistle done;
  const Loop loop;
  GSource* const source = g_idle_source_new();
  const auto add_and_stay = [](void* value) -> gboolean {
    if (++*static_cast<int*>(value) == 1) done.blow();
    return G_SOURCE_CONTINUE;
  };
  g_source_set_callback(source, add_and_stay, new int(0), [](void* value) { delete static_cast<int*>(value); });
  loop.attach(source);
  done.hear();
  g_source_destroy(source);
  g_source_unref(source);
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_mutex),
    VIGIL_CASE(race_two_mutexes),
    VIGIL_CASE(race_after_a_trylock_that_failed),
    VIGIL_CASE(clean_condition),
    VIGIL_CASE(race_after_a_condition),
    VIGIL_CASE(clean_bit_lock),
    VIGIL_CASE(clean_once),
    VIGIL_CASE(clean_initialised_once),
    VIGIL_CASE(race_after_an_initialisation),
    VIGIL_CASE(clean_queue),
    VIGIL_CASE(race_with_what_was_pushed),
    VIGIL_CASE(clean_pool),
    VIGIL_CASE(clean_after_a_pool),
    VIGIL_CASE(race_with_a_job),
    VIGIL_CASE(race_two_jobs),
    VIGIL_CASE(clean_queue_in_order),
    VIGIL_CASE(clean_jobs_in_order),
    VIGIL_CASE(race_with_a_comparison),
    VIGIL_CASE(clean_sources),
    VIGIL_CASE(race_with_a_source),
    VIGIL_CASE(race_of_a_source_with_what_came_later),
    VIGIL_CASE(clean_loop_that_another_quits),
    VIGIL_CASE(clean_source_that_another_ends),
};

}  // namespace

int main(int argc, char** argv) { return run_case({kCases, glib_object_cases()}, argc, argv); }
