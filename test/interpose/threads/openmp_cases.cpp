// Locks of OpenMP's threads in a program that was not compiled with instrumentation: which of two nested lockings in
// opposite order never meet, since a region's end, a barrier or a wait for tasks keeps them apart.
#include <omp.h>

#include <array>
#include <cstddef>
#include <mutex>
#include <span>

#include "test/interpose/threads/cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::Whistle;

constexpr int kThreads = 2;

void nest(std::mutex& outer, std::mutex& inner) {
  const std::lock_guard held(outer);
  const std::lock_guard both(inner);
}

// Of two that nothing orders, the second begins when the first is over: they must not lock each other out.
void nest_then_blow(std::mutex& outer, std::mutex& inner, const Whistle& over) {
  nest(outer, inner);
  over.blow();
}
void hear_then_nest(std::mutex& outer, std::mutex& inner, const Whistle& over) {
  over.hear();
  nest(outer, inner);
}

void cycle_inside_one_region() {
  std::mutex a, b;
  const Whistle over;
#pragma omp parallel num_threads(kThreads)
  if (omp_get_thread_num() == 0) {
    nest_then_blow(a, b, over);
  } else {
    hear_then_nest(b, a, over);
  }
}
void cycle_inside_a_later_region() {
  std::mutex a, b;
  const Whistle over;
#pragma omp parallel num_threads(kThreads)
  nest(a, b);
#pragma omp parallel num_threads(kThreads)
  if (omp_get_thread_num() == 1) {
    nest_then_blow(b, a, over);
  } else {
    hear_then_nest(a, b, over);
  }
}
void cycle_on_one_side_of_a_barrier() {
  std::mutex a, b;
  const Whistle over;
#pragma omp parallel num_threads(kThreads)
  {
#pragma omp barrier
    if (omp_get_thread_num() == 0) {
      nest_then_blow(a, b, over);
    } else {
      hear_then_nest(b, a, over);
    }
    // No barrier here: who still leaves the first while another comes to the next learns what that one did between.
  }
}
void cycle_no_wait_behind_the_loop() {
  std::mutex a, b;
  const Whistle over;
#pragma omp parallel num_threads(kThreads)
  {
#pragma omp for nowait schedule(static, 1)
    for (int i = 0; i < kThreads; ++i) {
      if (i == 0) nest_then_blow(a, b, over);
    }
    if (omp_get_thread_num() == 1) hear_then_nest(b, a, over);
  }
}
void cycle_task_beside_who_made_it() {
  std::mutex a, b;
  const Whistle begun;
  const Whistle over;
#pragma omp parallel num_threads(kThreads)
#pragma omp single
  {
#pragma omp task shared(a, b)
    {
      begun.blow();
      nest_then_blow(a, b, over);
    }
    begun.hear();  // by the other thread: this one begins no task while it waits here
    hear_then_nest(b, a, over);
#pragma omp taskwait
  }
}

void clean_two_regions() {
  std::mutex a, b;
#pragma omp parallel num_threads(kThreads)
  if (omp_get_thread_num() == 0) nest(a, b);
#pragma omp parallel num_threads(kThreads)
  if (omp_get_thread_num() == 1) nest(b, a);
}
void clean_two_loops_of_each_schedule() {
  std::array<std::mutex, 5> a;
  std::array<std::mutex, 5> b;
  constexpr int kItems = 16;
  const auto at = [](int i) { return static_cast<std::size_t>(i) % 5; };
#pragma omp parallel for num_threads(kThreads)
  for (int i = 0; i < kItems; ++i) nest(a[at(i)], b[at(i)]);
#pragma omp parallel for num_threads(kThreads) schedule(dynamic)
  for (int i = kItems; i > 0; --i) nest(b[at(i)], a[at(i)]);
#pragma omp parallel for num_threads(kThreads) schedule(guided)
  for (int i = 0; i < kItems; ++i) nest(a[at(i)], b[at(i)]);
#pragma omp parallel for num_threads(kThreads) schedule(runtime)
  for (int i = kItems; i > 0; --i) nest(b[at(i)], a[at(i)]);
}
void clean_region_and_who_began_it() {
  std::mutex a, b;
  nest(a, b);
#pragma omp parallel num_threads(kThreads)
  if (omp_get_thread_num() == 1) nest(b, a);
  nest(a, b);
}
void clean_barrier_between() {
  std::mutex a, b;
#pragma omp parallel num_threads(kThreads)
  {
    if (omp_get_thread_num() == 0) nest(a, b);
#pragma omp barrier
    if (omp_get_thread_num() == 1) nest(b, a);
  }
}
void clean_end_of_a_loop_between() {
  std::mutex a, b;
#pragma omp parallel num_threads(kThreads)
  {
#pragma omp for schedule(dynamic)
    for (int i = 0; i < kThreads; ++i) nest(a, b);
#pragma omp single
    nest(b, a);
#pragma omp sections
    {
#pragma omp section
      nest(a, b);
#pragma omp section
      nest(a, b);
    }
    if (omp_get_thread_num() == 0) nest(b, a);
  }
}
void clean_ordered_parts() {
  std::mutex a, b;
#pragma omp parallel for ordered schedule(static, 1) num_threads(kThreads)
  for (int i = 0; i < kThreads; ++i) {
#pragma omp ordered
    i == 0 ? nest(a, b) : nest(b, a);
  }
}
void clean_single_hands_on_a_copy() {
  std::mutex a, b;
#pragma omp parallel num_threads(kThreads)
  {
    std::mutex* first = nullptr;
#pragma omp single copyprivate(first)
    {
      nest(a, b);
      first = &b;
    }
    nest(*first, a);
  }
}
void clean_wait_for_a_task() {
  std::mutex a, b;
  const Whistle begun;
#pragma omp parallel num_threads(kThreads)
#pragma omp single
  {
#pragma omp task shared(a, b)
    {
      begun.blow();
      nest(a, b);
    }
    begun.hear();  // so it is the other thread's
#pragma omp taskwait
    nest(b, a);
  }
}
void clean_task_and_what_was_before_it() {
  std::mutex a, b;
  const Whistle over;
#pragma omp parallel num_threads(kThreads)
#pragma omp single
  {
    nest(a, b);
#pragma omp task shared(a, b)
    {
      nest(b, a);
      over.blow();
    }
    over.hear();  // so it was the other thread's
  }
}
void clean_group_of_tasks_and_what_is_behind_it() {
  std::mutex a, b;
  const Whistle over;
#pragma omp parallel num_threads(kThreads)
#pragma omp single
  {
#pragma omp taskgroup
    {
#pragma omp taskloop shared(a, b) nogroup num_tasks(1)
      for (int i = 0; i < 1; ++i) nest_then_blow(a, b, over);
      over.hear();
    }
    nest(b, a);
  }
}
// Whoever holds it is alone, whatever he locks.
void clean_critical_parts_and_locks_around() {
  std::mutex a, b, c, d;
  omp_lock_t gate;
  omp_init_lock(&gate);
#pragma omp parallel num_threads(kThreads)
  {
    const bool is_first = omp_get_thread_num() == 0;
#pragma omp critical(both)
    is_first ? nest(a, b) : nest(b, a);
    omp_set_lock(&gate);
    is_first ? nest(c, d) : nest(d, c);
    omp_unset_lock(&gate);
  }
  omp_destroy_lock(&gate);
}

constexpr Case kCases[] = {
    VIGIL_CASE(cycle_inside_one_region),
    VIGIL_CASE(cycle_inside_a_later_region),
    VIGIL_CASE(cycle_on_one_side_of_a_barrier),
    VIGIL_CASE(cycle_no_wait_behind_the_loop),
    VIGIL_CASE(cycle_task_beside_who_made_it),
    VIGIL_CASE(clean_two_regions),
    VIGIL_CASE(clean_two_loops_of_each_schedule),
    VIGIL_CASE(clean_region_and_who_began_it),
    VIGIL_CASE(clean_barrier_between),
    VIGIL_CASE(clean_end_of_a_loop_between),
    VIGIL_CASE(clean_ordered_parts),
    VIGIL_CASE(clean_single_hands_on_a_copy),
    VIGIL_CASE(clean_wait_for_a_task),
    VIGIL_CASE(clean_task_and_what_was_before_it),
    VIGIL_CASE(clean_group_of_tasks_and_what_is_behind_it),
    VIGIL_CASE(clean_critical_parts_and_locks_around),
};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
