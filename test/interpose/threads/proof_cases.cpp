// Programs that are ended by SIGTERM while tasks wait. proved: nobody could ever have woken them, which is a finding.
// ring: the same, and they wait for each other. slow: somebody could have, however well hidden the handle is, so
// nothing is found. own: it waits for a lock that it holds itself. leak: of a program that ends by itself.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/proof_cases.hpp"

namespace {

using namespace vigil::test;
using vigil::Channel;
using namespace std::chrono_literals;

// ---- proved ---------------------------------------------------------------------------------------------------------

[[gnu::noinline]] void forget_receiver() { start_receiver(Channel<int>(0)); }
void proved_receiver_is_forgotten() {
  forget_receiver();
  end_by_signal();
}

// Room that is kept free, as by an allocator, a sanitizer or a machine of WebAssembly, and never had contents.
void proved_beside_empty_reservations() {
  constexpr std::size_t kReserved = std::size_t{1} << 40U;
  for (const int access : {PROT_NONE, PROT_READ | PROT_WRITE}) {
    void* const block = mmap(nullptr, kReserved, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED) std::abort();
  }
  forget_receiver();
  end_by_signal();
}

// So many that the shim's own notes of them need memory while it searches.
void proved_of_very_many() {
  for (int i = 0; i < 20'000; ++i) {
    vigil::go([own = Channel<int>(0)] { (void)own.receive(); });
  }
  end_by_signal();
}

[[gnu::noinline]] void forget_selector() {
  const Channel<int> begun(0);
  vigil::go([begun, one = Channel<int>(0), other = Channel<int>(3)] {
    begun.send(1);
    vigil::select(vigil::on_receive(one, [](std::optional<int>) {}),
                  vigil::on_receive(other, [](std::optional<int>) {}));
  });
  (void)begun.receive();
}
void proved_selector_is_forgotten() {
  forget_selector();
  end_by_signal();
}

void proved_nil_channel() {
  start_receiver(Channel<int>());
  end_by_signal();
}

// It is at work when the program ends, and waits for ever mostly before that is told: then it is a leak, and nothing
// besides.
void leak_task_that_works_at_first() {
  vigil::go([] {
    constexpr std::clock_t kMost = CLOCKS_PER_SEC / 10;  // of the whole process
    for (const std::clock_t begin = std::clock(); std::clock() - begin < kMost;) {
    }
    (void)Channel<int>().receive();
  });
}

// A structure in the heap that only the task owns. Before it waits, keep is given one more owner.
struct Session {
  long bytes[8] = {};
  Channel<int> request{0};
  vigil::WaitGroup open;
};
using Owner = std::shared_ptr<Session>;
template <class Keep>
[[gnu::noinline]] void start_session(Keep keep) {
  const Channel<int> begun(0);
  auto session = std::make_shared<Session>();
  keep(session);
  vigil::go([begun, session = std::move(session)] {
    begun.send(1);
    (void)session->request.receive();
  });
  (void)begun.receive();
}
void proved_receiver_in_a_shared_structure() {
  start_session([](const Owner&) {});
  end_by_signal();
}
[[gnu::noinline]] void start_waiter_for_a_member() {
  const Channel<int> begun(0);
  vigil::go([begun] {
    const auto session = std::make_shared<Session>();
    session->open.add(1);
    begun.send(1);
    session->open.wait();
  });
  (void)begun.receive();
}
void proved_wait_group_in_a_shared_structure() {
  start_waiter_for_a_member();
  end_by_signal();
}

// At a normal end both of these are leaks.
void leak_receiver_is_forgotten() {
  forget_receiver();
  wait_for_the_others();
  wipe_stack();
}
void leak_receiver_of_what_a_global_has() {
  static const auto* const kept = new Channel<int>(0);
  start_receiver(*kept);
  wait_for_the_others();
  wipe_stack();
}

// A handler that asks for an alternate stack, where nobody made one, waits there; it alone has what a task waits for.
void slow_receiver_of_what_a_handler_has() {
  struct sigaction wanted {};
  wanted.sa_flags = SA_ONSTACK;
  wanted.sa_handler = [](int) {
    const Channel<int> kept(0);
    start_receiver(kept);
    while (true) pause();
  };
  sigaction(SIGUSR1, &wanted, nullptr);
  std::thread([] { pthread_kill(pthread_self(), SIGUSR1); }).detach();
  end_by_signal();
}

// Each has what the other waits for, and both wait.
[[gnu::noinline]] void make_ring() {
  const Channel<int> begun(0);
  const Channel<int> a(0);
  const Channel<int> b(0);
  vigil::go([=] {
    begun.send(1);
    (void)a.receive();
    b.send(1);
  });
  vigil::go([=] {
    begun.send(1);
    (void)b.receive();
    a.send(1);
  });
  (void)begun.receive();
  (void)begun.receive();
}
void ring_is_proved() {
  make_ring();
  end_by_signal();
}

// Who waits for a lock that it holds itself, and that nobody else has.
[[gnu::noinline]] void start_task_that_locks_twice() {
  const Channel<int> begun(0);
  vigil::go([begun] {
    vigil::Mutex own;
    own.lock();
    begun.send(1);
    own.lock();
  });
  (void)begun.receive();
}
void own_lock_is_proved() {
  start_task_that_locks_twice();
  end_by_signal();
}

// ---- slow -----------------------------------------------------------------------------------------------------------

// Any task may give it back, as this one would have later.
vigil::Mutex as_signal;
void slow_own_lock_in_a_global() {
  const Channel<int> begun(0);
  vigil::go([begun] {
    as_signal.lock();
    begun.send(1);
    as_signal.lock();
  });
  (void)begun.receive();
  vigil::go([] {
    vigil::sleep_for(1h);
    as_signal.unlock();
  });
  end_by_signal();
}

void slow_handle_in_main() {
  const Channel<int> channel(0);
  start_receiver(channel);
  wait_for_the_others();
  wipe_stack();
  raise(SIGTERM);
  channel.close();
}

std::optional<Channel<int>> global;
[[gnu::noinline]] void fill_global() {
  global.emplace(0);
  start_receiver(*global);
}
void slow_handle_in_a_global() {
  fill_global();
  end_by_signal();
}

[[gnu::noinline]] void fill_map() {
  static const auto* const by_name = new std::map<int, Channel<int>>{{1, Channel<int>(0)}};
  start_receiver(by_name->at(1));
}
void slow_handle_in_a_heap_map() {
  fill_map();
  end_by_signal();
}

[[gnu::noinline]] void fill_thread_local() {
  thread_local const Channel<int> own(0);
  start_receiver(own);
}
void slow_handle_in_thread_local_storage() {
  fill_thread_local();
  end_by_signal();
}

// The thread waits for a condition that nobody notifies.
std::mutex lock;
std::condition_variable never;
[[gnu::noinline]] void hide_in_waiting_thread() {
  const Channel<int> channel(0);
  start_receiver(channel);
  std::thread([own = channel] {
    std::unique_lock held(lock);
    never.wait(held);
    own.close();
  }).detach();
}
void slow_handle_on_a_waiting_threads_stack() {
  hide_in_waiting_thread();
  end_by_signal();
}

// What it has may be in a register that no memory shows.
[[gnu::noinline]] void hide_in_sleeping_thread() {
  const Channel<int> channel(0);
  start_receiver(channel);
  std::thread([own = channel] {
    sleep(3600);
    own.close();
  }).detach();
}
void slow_handle_of_a_sleeping_thread() {
  hide_in_sleeping_thread();
  end_by_signal();
}

[[gnu::noinline]] void hide_in_timer() {
  const Channel<int> channel(0);
  start_receiver(channel);
  static const auto* const timer = new vigil::Timer(vigil::after_func(1h, [=] { channel.close(); }));
  (void)timer;
}
void slow_handle_in_a_timers_closure() {
  hide_in_timer();
  end_by_signal();
}

[[gnu::noinline]] void hide_in_mapping(int flags, int access) {
  void* const block = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
  start_receiver(*::new (block) Channel<int>(0));
  mprotect(block, 4096, access);
}
void slow_handle_in_a_mapping() {
  hide_in_mapping(MAP_PRIVATE, PROT_READ);
  end_by_signal();
}
void slow_handle_in_shared_memory() {
  hide_in_mapping(MAP_SHARED, PROT_READ);
  end_by_signal();
}
// Nobody can read it before somebody opens it again, as who collects garbage or keeps secrets does.
void slow_handle_in_a_closed_page() {
  hide_in_mapping(MAP_PRIVATE, PROT_NONE);
  end_by_signal();
}
void slow_handle_in_a_closed_shared_page() {
  hide_in_mapping(MAP_SHARED, PROT_NONE);
  end_by_signal();
}
void slow_handle_in_a_page_to_write_to() {
  hide_in_mapping(MAP_PRIVATE, PROT_WRITE);
  end_by_signal();
}
void slow_handle_in_code_made_at_run_time() {
  hide_in_mapping(MAP_PRIVATE, PROT_READ | PROT_EXEC);
  end_by_signal();
}
void slow_handle_in_code_to_run_only() {
  hide_in_mapping(MAP_PRIVATE, PROT_EXEC);
  end_by_signal();
}

// Its low bits carry a mark, as in a tree or a lock-free list.
std::uintptr_t marked_root;
struct Node {
  Channel<int> channel;
  std::uintptr_t next;
};
[[gnu::noinline]] void hide_behind_marks() {
  auto* const leaf = new Node{Channel<int>(0), 0};
  start_receiver(leaf->channel);
  marked_root =
      reinterpret_cast<std::uintptr_t>(new Node{Channel<int>(), reinterpret_cast<std::uintptr_t>(leaf) | 1}) | 2;
}
void slow_handle_behind_marked_pointers() {
  hide_behind_marks();
  end_by_signal();
}

[[gnu::noinline]] void hide_in_function() {
  static auto* const jobs = new std::vector<std::function<void()>>;
  const Channel<int> channel(0);
  start_receiver(channel);
  jobs->emplace_back([channel, more = std::string(100, 'x')] { channel.close(); });
}
void slow_handle_in_a_stored_function() {
  hide_in_function();
  end_by_signal();
}

[[gnu::noinline]] void hide_in_sleeping_task() {
  const Channel<int> channel(0);
  start_receiver(channel);
  vigil::go([=] {
    vigil::sleep_for(1h);
    channel.close();
  });
}
void slow_handle_of_a_sleeping_task() {
  hide_in_sleeping_task();
  end_by_signal();
}

// The task's own variable, which a timer refers to.
[[gnu::noinline]] void refer_to_a_tasks_variable() {
  const Channel<int> begun(0);
  vigil::go([=] {
    const Channel<int> own(0);
    static const auto* const timer = new vigil::Timer(vigil::after_func(1h, [&own] { own.close(); }));
    (void)timer;
    begun.send(1);
    (void)own.receive();
  });
  (void)begun.receive();
}
void slow_reference_to_a_tasks_variable() {
  refer_to_a_tasks_variable();
  end_by_signal();
}

// main can wake the second, and the second the first.
[[gnu::noinline]] void make_chain(const Channel<int>& outer) {
  const Channel<int> inner(0);
  start_receiver(inner);
  const Channel<int> begun(0);
  vigil::go([=] {
    begun.send(1);
    (void)outer.receive();
    inner.close();
  });
  (void)begun.receive();
}
void slow_chain_that_main_holds() {
  const Channel<int> outer(0);
  make_chain(outer);
  wait_for_the_others();
  wipe_stack();
  raise(SIGTERM);
  outer.close();
}

[[gnu::noinline]] void put_into_buffer(const Channel<Channel<int>>& outer) {
  const Channel<int> inner(0);
  start_receiver(inner);
  outer.send(inner);
}
void slow_handle_in_a_buffer() {
  const Channel<Channel<int>> outer(1);
  put_into_buffer(outer);
  wait_for_the_others();
  wipe_stack();
  raise(SIGTERM);
  (void)outer.receive();
}

Session* volatile referred = nullptr;  // volatile: nobody reads it
std::weak_ptr<Session> watched;
Owner* volatile encoded = nullptr;
// One pointer, one watcher, and one owner whose words are not what they were: no search finds that, but the structure
// has an owner more than are found.
void slow_shared_structures() {
  start_session([](const Owner& session) { referred = session.get(); });
  start_session([](const Owner& session) { watched = session; });
  start_session([](const Owner& session) {
    encoded = new Owner(session);
    auto* const bytes = reinterpret_cast<unsigned char*>(encoded);
    for (std::size_t i = 0; i < sizeof(Owner); ++i) bytes[i] ^= 0x5a;
  });
  end_by_signal();
}

// A task's frames between two channels: one is so large that it has a mapping of its own, above the tasks' stacks, for
// it is there before them; the other lies in the heap, below. Who counts the task's wait group down refers to the
// frames.
struct Large {
  char bytes[1 << 20];
};
void slow_frames_lie_between_channels() {
  static const Channel<Large> above(1);
  static const Channel<int> below(0);
  vigil::go([] { (void)above.receive(); });
  vigil::go([] { (void)below.receive(); });
  vigil::go([] {
    vigil::WaitGroup open;
    open.add(1);
    vigil::go([&open] {
      (void)below.receive();
      open.done();
    });
    open.wait();
  });
  end_by_signal();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(proved_receiver_is_forgotten),
    VIGIL_CASE(proved_beside_empty_reservations),
    VIGIL_CASE(proved_of_very_many),
    VIGIL_CASE(proved_selector_is_forgotten),
    VIGIL_CASE(proved_nil_channel),
    VIGIL_CASE(proved_receiver_in_a_shared_structure),
    VIGIL_CASE(proved_wait_group_in_a_shared_structure),
    VIGIL_CASE(leak_task_that_works_at_first),
    VIGIL_CASE(leak_receiver_is_forgotten),
    VIGIL_CASE(leak_receiver_of_what_a_global_has),
    VIGIL_CASE(slow_receiver_of_what_a_handler_has),
    VIGIL_CASE(ring_is_proved),
    VIGIL_CASE(own_lock_is_proved),
    VIGIL_CASE(slow_own_lock_in_a_global),
    VIGIL_CASE(slow_handle_in_main),
    VIGIL_CASE(slow_handle_in_a_global),
    VIGIL_CASE(slow_handle_in_a_heap_map),
    VIGIL_CASE(slow_handle_in_thread_local_storage),
    VIGIL_CASE(slow_handle_on_a_waiting_threads_stack),
    VIGIL_CASE(slow_handle_of_a_sleeping_thread),
    VIGIL_CASE(slow_handle_in_a_timers_closure),
    VIGIL_CASE(slow_handle_in_a_mapping),
    VIGIL_CASE(slow_handle_in_shared_memory),
    VIGIL_CASE(slow_handle_in_a_closed_page),
    VIGIL_CASE(slow_handle_in_a_closed_shared_page),
    VIGIL_CASE(slow_handle_in_a_page_to_write_to),
    VIGIL_CASE(slow_handle_in_code_made_at_run_time),
    VIGIL_CASE(slow_handle_in_code_to_run_only),
    VIGIL_CASE(slow_handle_behind_marked_pointers),
    VIGIL_CASE(slow_handle_in_a_stored_function),
    VIGIL_CASE(slow_handle_of_a_sleeping_task),
    VIGIL_CASE(slow_reference_to_a_tasks_variable),
    VIGIL_CASE(slow_chain_that_main_holds),
    VIGIL_CASE(slow_handle_in_a_buffer),
    VIGIL_CASE(slow_shared_structures),
    VIGIL_CASE(slow_frames_lie_between_channels),
};

}  // namespace

int main(int argc, char** argv) {
  return vigil::test::run_case({kCases, vigil::test::kernel_proof_cases()}, argc, argv);
}
