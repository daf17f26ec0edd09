// Programs in which tasks wait for each other for ever while others go on. told: that is a deadlock, told while the
// program runs, once: each case waits until it reads it in its own report. Beside the one that is dead, others merely
// look like it.
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/cases.hpp"
#include "test/interpose/threads/ring_cases.hpp"

bool vigil::test::is_told() {
  constexpr const char* kFolder = "report_dir=";
  const char* const options = std::getenv("VIGIL_OPTIONS");
  const std::string folder = std::strstr(options, kFolder) + std::strlen(kFolder);
  const std::string below = folder + "/";
  bool told = false;
  DIR* const open = opendir(folder.c_str());
  while (const dirent* const entry = readdir(open)) {
    const std::string name = entry->d_name;
    if (!name.ends_with(".jsonl")) continue;
    std::ifstream file(below + name, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    told = told || text.find("\"deadlock\"") != std::string::npos;
  }
  closedir(open);
  return told;
}

namespace {

using namespace vigil::test;
using vigil::Channel;
using namespace std::chrono_literals;

void wait_until_told() {
  look_until_told([](std::chrono::milliseconds time) { vigil::sleep_for(time); });
}

void told_while_main_sleeps() {
  make_dead_ring();
  wipe_stack();
  wait_until_told();
}

void told_while_main_sleeps_in_the_system() {
  make_dead_ring();
  wipe_stack();
  look_until_told(sleep_in_the_system);
}

void told_while_a_task_sleeps_in_the_system() {
  make_dead_ring();
  const Channel<int> told(0);
  vigil::go([=] {
    look_until_told(sleep_in_the_system);
    told.close();
  });
  wipe_stack();
  (void)told.receive();
}

// It waits for those who wait for it to take what they found.
[[gnu::noinline]] void start_collector() {
  vigil::go([] {
    const Channel<int> found(0);
    vigil::WaitGroup searchers;
    for (int i = 0; i < 2; ++i) searchers.go([found] { found.send(1); });
    searchers.wait();
    (void)found.receive();
    (void)found.receive();
  });
}
void told_wait_group_before_the_results_are_taken() {
  start_collector();
  wipe_stack();
  wait_until_told();
}

// It holds the lock that the other needs before it sends.
[[gnu::noinline]] void start_lock_and_channel() {
  vigil::go([] {
    const Channel<int> answer(0);
    const Channel<int> begun(0);
    vigil::Mutex lock;
    lock.lock();
    vigil::go([&lock, answer, begun] {
      begun.send(1);
      lock.lock();
      answer.send(1);
      lock.unlock();
    });
    (void)begun.receive();
    (void)answer.receive();
    lock.unlock();
  });
}
void told_lock_held_while_the_answer_needs_it() {
  start_lock_and_channel();
  wipe_stack();
  wait_until_told();
}

[[gnu::noinline]] void start_selectors() {
  const Channel<int> a(0);
  const Channel<int> b(0);
  const Channel<int> c(0);
  vigil::go([=] {
    vigil::select(vigil::on_receive(a, [](std::optional<int>) {}), vigil::on_receive(b, [](std::optional<int>) {}));
    c.send(1);
  });
  vigil::go([=] {
    (void)c.receive();
    a.send(1);
    b.send(1);
  });
}
void told_ring_with_a_select() {
  start_selectors();
  wipe_stack();
  wait_until_told();
}

// Who has what the tasks of a ring need, and waits for them: main, whose own stack has the handles.
[[gnu::noinline]] void wait_for_two_that_wait_for_each_other() {
  const Channel<int> a(0);
  const Channel<int> b(0);
  vigil::WaitGroup both;
  both.go([a, b] {
    (void)a.receive();
    b.close();
  });
  both.go([a, b] {
    (void)b.receive();
    a.close();
  });
  vigil::daemon([] {
    wait_until_told();
    std::_Exit(0);
  });
  both.wait();
}
void told_main_waits_for_a_ring() { wait_for_two_that_wait_for_each_other(); }

// A plain thread has what its task needs, and waits for what the task will do then, while main goes on.
void told_thread_and_task_in_a_ring() {
  std::thread([] {
    const Channel<int> a(0);
    const Channel<int> b(0);
    vigil::go([a, b] {
      (void)b.receive();
      a.close();
    });
    (void)a.receive();
    b.close();
  }).detach();
  wait_until_told();
  std::_Exit(0);
}

// ---- slow: somebody alive can end each of these rings ---------------------------------------------------------------

using Handle = Channel<int>;

std::optional<Handle> global;
std::map<int, Handle>* by_name = new std::map<int, Handle>;
std::vector<std::function<void()>>* jobs = new std::vector<std::function<void()>>;
thread_local std::optional<Handle> own;

// A wait group that a structure in the heap holds: whoever has the structure may count it down.
struct Batch {
  long padding[8] = {};
  vigil::WaitGroup open;
  Channel<int> ready{0};
};
std::uintptr_t hidden_batch;

[[gnu::noinline]] void start_batch(const Channel<int>& ended) {
  auto* const batch = new Batch;
  batch->open.add(1);
  hidden_batch = reinterpret_cast<std::uintptr_t>(batch);
  vigil::go([=] {
    batch->open.wait();
    batch->ready.close();
    ended.send(1);
  });
  vigil::go([=] {
    (void)batch->ready.receive();
    ended.send(1);
  });
}

// The task's own wait group, which another task counts down when it is told to.
[[gnu::noinline]] void start_counted_down_later(const Channel<int>& go_on, const Channel<int>& ended) {
  vigil::go([=] {
    vigil::WaitGroup open;
    const Channel<int> ready(0);
    open.add(1);
    vigil::go([&open, go_on] {
      (void)go_on.receive();
      open.done();
    });
    vigil::go([ready, ended] {
      (void)ready.receive();
      ended.send(1);
    });
    open.wait();
    ready.close();
    ended.send(1);
  });
}

// A plain thread waits for a task that another thread, which has a pointer into the first one's frames, will free.
[[gnu::noinline]] void start_thread_that_is_freed_by_reference(const Channel<int>& go_on, const Channel<int>& ended) {
  std::thread([go_on, ended] {
    const Channel<int> a(0);
    const Channel<int> b(0);
    vigil::go([go_on, of_the_thread = &a] {
      (void)go_on.receive();
      of_the_thread->close();
    });
    vigil::go([a, b] {
      (void)b.receive();
      (void)a.try_receive();
    });
    (void)a.receive();
    b.close();
    ended.send(1);
  }).detach();
}

void told_one_of_many_that_look_alike() {
  const Handle in_main = [] {
    Handle kept;
    make_ring([&](const Handle& one) { kept = one; });
    return kept;
  }();
  make_ring([](const Handle& one) { global = one; });
  make_ring([](const Handle& one) { by_name->emplace(1, one); });
  make_ring([](const Handle& one) { own = one; });
  make_ring([](const Handle& one) { jobs->emplace_back([one, more = std::string(100, 'x')] { one.close(); }); });
  const Channel<Handle> buffer(1);
  make_ring([&](const Handle& one) { buffer.send(one); });
  const Channel<int> go_on(0);
  make_ring([&](const Handle& one) {
    vigil::go([=] {
      (void)go_on.receive();
      one.close();
    });
  });
  std::thread sleeper;
  make_ring([&](const Handle& one) {
    sleeper = std::thread([one] {
      look_until_told(sleep_in_the_system);
      one.close();
    });
  });
  const Channel<int> ended(8);
  start_batch(ended);
  start_counted_down_later(go_on, ended);
  start_thread_that_is_freed_by_reference(go_on, ended);
  vigil::sleep_for(300ms);  // so that all wait for longer than what follows
  make_dead_ring();
  wipe_stack();
  wait_until_told();
  in_main.close();
  global->close();
  by_name->at(1).close();
  own->close();
  jobs->front()();
  buffer.receive()->close();
  go_on.close();
  sleeper.join();
  reinterpret_cast<Batch*>(hidden_batch)->open.done();
  for (int i = 0; i < 5; ++i) (void)ended.receive();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(told_while_main_sleeps),
    VIGIL_CASE(told_while_main_sleeps_in_the_system),
    VIGIL_CASE(told_while_a_task_sleeps_in_the_system),
    VIGIL_CASE(told_wait_group_before_the_results_are_taken),
    VIGIL_CASE(told_lock_held_while_the_answer_needs_it),
    VIGIL_CASE(told_ring_with_a_select),
    VIGIL_CASE(told_main_waits_for_a_ring),
    VIGIL_CASE(told_thread_and_task_in_a_ring),
    VIGIL_CASE(told_one_of_many_that_look_alike),
};

}  // namespace

int main(int argc, char** argv) {
  return vigil::test::run_case({kCases, busy_ring_cases(), shared_ring_cases(), own_lock_cases()}, argc, argv);
}
