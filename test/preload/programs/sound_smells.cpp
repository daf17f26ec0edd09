// A correct program that comes near every smell: a poller with a default that works in between, pollers that back off,
// a drained closed channel, a gate that is closed and asked again and again, a notification channel that may be full, a
// ticker service, a rate limiter, many timers at once, a burst of tasks that shrinks again, contexts cancelled late
// or never, wait groups used round after round, senders whose close is ordered by a lock. Nothing may be reported.
#include <vigil/vigil.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace {

using vigil::Channel;
using vigil::Unit;
using vigil::WaitGroup;
using namespace std::chrono_literals;

std::uint64_t crunch(std::uint64_t seed, int rounds) {
  for (int i = 0; i < rounds; ++i) seed = seed * 6364136223846793005U + 1442695040888963407U;
  return seed;
}

// Looks for a stop between two portions of work.
std::uint64_t poller_that_works() {
  const Channel<Unit> stop(0);
  const Channel<Unit> enough(0);
  WaitGroup stopper;
  stopper.go([=] {
    (void)enough.receive();
    stop.close();
  });
  std::uint64_t state = 1;
  bool stopped = false;
  for (int portion = 0; !stopped; ++portion) {
    vigil::select(vigil::on_receive(stop, [&](std::optional<Unit>) { stopped = true; }),
                  vigil::otherwise([&] { state = crunch(state, 5000); }));
    if (portion == 2000) enough.send(Unit{});
  }
  stopper.wait();
  return state & 1U;
}

// The same for portions that take a microsecond, and commands that seldom come.
std::uint64_t poller_with_small_portions() {
  const Channel<int> commands(0);
  const Channel<Unit> enough(0);
  WaitGroup commander;
  commander.go([=] {
    (void)enough.receive();
    commands.send(7);
  });
  std::uint64_t state = 1;
  std::optional<int> command;
  for (int portion = 0; !command; ++portion) {
    vigil::select(vigil::on_receive(commands, [&](std::optional<int> given) { command = given; }),
                  vigil::otherwise([&] { state = crunch(state, 1200); }));
    if (portion == 6000) enough.send(Unit{});
  }
  commander.wait();
  return state & 1U;
}

// A computation that asks its context in every step.
int asks_its_context() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  volatile int steps = 0;
  for (bool stopped = false; !stopped;) {
    vigil::select(vigil::on_receive(ctx.done(), [&](std::optional<Unit>) { stopped = true; }),
                  vigil::otherwise([&] { steps = steps + 1; }));
    if (steps == 20'000) cancel();
  }
  return steps;
}

int pollers_that_back_off() {
  const Channel<int> slow(0);
  WaitGroup sender;
  sender.go([=] {
    vigil::sleep_for(3ms);
    slow.send(1);
    vigil::sleep_for(3ms);
    slow.send(2);
  });
  int sum = 0;
  std::optional<int> value;
  while (!(value = slow.try_receive())) std::this_thread::sleep_for(10us);  // in a plain thread
  sum += *value;
  vigil::run([&] {
    while (!(value = slow.try_receive())) vigil::sleep_for(10us);  // in a task
  });
  sum += *value;
  sender.wait();
  return sum;
}

int drained_after_close() {
  const Channel<int> numbers(100);
  for (int i = 0; i < 100; ++i) numbers.send(i);
  numbers.close();
  int sum = 0;
  while (const std::optional<int> number = numbers.receive()) sum += *number;
  return sum;
}

// Closed once and for all; asked before each job.
int open_gate() {
  const Channel<Unit> ready(0);
  const Channel<int> jobs(0);
  ready.close();
  WaitGroup producer;
  producer.go([=] {
    for (int job = 0; job < 200; ++job) jobs.send(job);
    jobs.close();
  });
  int done = 0;
  for (;;) {
    (void)ready.receive();
    if (!jobs.receive()) break;
    ++done;
  }
  producer.wait();
  return done;
}

// "Something changed": a second signal before the first was seen says nothing new.
int coalesced_signals() {
  const Channel<Unit> changed(1);
  for (int i = 0; i < 500; ++i) (void)changed.try_send(Unit{});
  (void)changed.receive();
  return 1;
}

int ticker_service() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  std::atomic<int> ticks{0};
  WaitGroup service;
  service.go([&, ctx = ctx] {
    const vigil::Ticker beat(200us);
    for (bool stopped = false; !stopped;) {
      vigil::select(vigil::on_receive(beat.channel(), [&](auto) { ++ticks; }),
                    vigil::on_receive(ctx.done(), [&](std::optional<Unit>) { stopped = true; }));
    }
    beat.stop();
  });
  while (ticks < 5) vigil::sleep_for(100us);
  cancel();
  service.wait();
  return 1;
}

int rate_limiter() {
  const vigil::Ticker pace(50us);
  int sent = 0;
  for (; sent < 20; ++sent) (void)pace.channel().receive();
  pace.stop();
  return sent;
}

// Every task waits with a timer of its own, all at once; and one task sets many calls.
int many_timers() {
  const Channel<int> replies(0);
  const Channel<Unit> go_on(0);
  WaitGroup requests;
  std::atomic<int> answered{0};
  for (int request = 0; request < 200; ++request) {
    requests.go([&] {
      const vigil::Timer patience(1h);
      vigil::select(vigil::on_receive(go_on, [&](std::optional<Unit>) { ++answered; }),
                    vigil::on_receive(patience.channel(), [](auto) {}));
      patience.stop();
    });
  }
  go_on.close();
  requests.wait();
  WaitGroup calls;
  for (int call = 0; call < 200; ++call) {
    calls.add(1);
    vigil::after_func(1ms, [&calls] { calls.done(); });
  }
  calls.wait();
  return answered;
}

// One task that keeps a timer for each of many connections, and the channel of one for each of many requests.
int timers_in_a_container() {
  std::vector<vigil::Timer> idle;
  std::vector<vigil::ReceiveChannel<vigil::TimePoint>> late;
  for (int i = 0; i < 300; ++i) {
    idle.emplace_back(1h);
    late.push_back(vigil::after(1h));
  }
  int stopped = 0;
  for (const vigil::Timer& timer : idle) stopped += timer.stop() ? 1 : 0;
  return stopped;
}

// Grows to 400 and shrinks again, three times.
int bursts() {
  int started = 0;
  for (int burst = 0; burst < 3; ++burst) {
    const Channel<Unit> gate(0);
    WaitGroup tasks;
    for (int task = 0; task < 400; ++task, ++started) {
      tasks.go([=] { (void)gate.receive(); });
    }
    gate.close();
    tasks.wait();
  }
  return started;
}

int contexts_cancelled_late() {
  std::vector<vigil::CancelContext> open;
  open.reserve(50);
  for (int i = 0; i < 50; ++i) open.push_back(vigil::with_cancel(vigil::background()));
  const auto [timed, stop_timed] = vigil::with_timeout(vigil::background(), 1h);  // ends by itself: no cancel needed
  const auto [child, cancel_child] = vigil::with_cancel(timed);                   // and so does its child
  WaitGroup tasks;
  for (const auto& one : open) {
    tasks.go([ctx = one.ctx] { (void)ctx.done().receive(); });
  }
  for (const auto& one : open) one.cancel();
  tasks.wait();
  return child.err() ? 0 : 1;
}

// The context of everything that runs: it lasts as long as the program, and nobody has to cancel it.
int context_of_the_program() {
  static const vigil::CancelContext whole = vigil::with_cancel(vigil::background());
  const auto [request, cancel] = vigil::with_timeout(whole.ctx, 1h);
  cancel();
  return whole.ctx.err() ? 0 : 1;
}

int rounds_of_one_group() {
  WaitGroup tasks;
  std::atomic<int> done{0};
  for (int round = 0; round < 20; ++round) {
    tasks.add(3);
    for (int task = 0; task < 3; ++task) {
      vigil::go([&] {
        ++done;
        tasks.done();
      });
    }
    tasks.wait();
  }
  return done;
}

// A task adds for the tasks it starts, while its own count keeps the group above zero.
int nested_adds() {
  WaitGroup tasks;
  std::atomic<int> leaves{0};
  for (int branch = 0; branch < 4; ++branch) {
    tasks.go([&] {
      for (int leaf = 0; leaf < 4; ++leaf) tasks.go([&] { ++leaves; });
    });
  }
  tasks.wait();
  return leaves;
}

// Two adders and a waiter, ordered by a lock only.
int adds_under_a_lock() {
  vigil::Mutex lock;
  bool closing = false;
  WaitGroup requests;
  WaitGroup senders;
  std::atomic<int> served{0};
  for (int sender = 0; sender < 2; ++sender) {
    senders.go([&] {
      for (int i = 0; i < 20; ++i) {
        const std::scoped_lock held(lock);
        if (closing) return;
        requests.add(1);
        vigil::go([&] {
          ++served;
          requests.done();
        });
      }
    });
  }
  {
    const std::scoped_lock held(lock);
    closing = true;
  }
  requests.wait();
  senders.wait();
  return 1;
}

// The same for sends and a close.
int sends_under_a_lock() {
  vigil::Mutex lock;
  bool closed = false;
  const Channel<int> events(1000);
  WaitGroup senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.go([&] {
      for (int i = 0; i < 20; ++i) {
        const std::scoped_lock held(lock);
        if (closed) return;
        events.send(i);
      }
    });
  }
  {
    const std::scoped_lock held(lock);
    closed = true;
    events.close();
  }
  senders.wait();
  while (events.receive()) {
  }
  return 1;
}

// Closed by who has received everything that was sent.
int closed_by_the_receiver() {
  const Channel<int> unbuffered(0);
  const Channel<int> buffered(4);
  WaitGroup senders;
  for (int sender = 0; sender < 3; ++sender) {
    senders.go([=] {
      unbuffered.send(1);
      buffered.send(1);
    });
  }
  int sum = 0;
  for (int i = 0; i < 3; ++i) sum += unbuffered.receive_or_zero();
  for (int i = 0; i < 3; ++i) sum += buffered.receive_or_zero();
  unbuffered.close();
  buffered.close();
  senders.wait();
  return sum;
}

// Locks held across a wait that those who end it have no need of.
int lock_held_across_a_wait() {
  vigil::Mutex printer;
  const Channel<int> pages(0);
  WaitGroup tasks;
  tasks.go([&] {
    for (int page = 0; page < 3; ++page) pages.send(page);
    pages.close();
  });
  int printed = 0;
  const std::scoped_lock held(printer);
  while (pages.receive()) ++printed;
  tasks.wait();
  return printed;
}

}  // namespace

int main() {
  std::printf("poller %d\n", poller_that_works() <= 1 ? 1 : 0);
  std::printf("small portions %d\n", poller_with_small_portions() <= 1 ? 1 : 0);
  std::printf("context %d\n", asks_its_context());
  std::printf("back off %d\n", pollers_that_back_off());
  std::printf("drained %d\n", drained_after_close());
  std::printf("gate %d\n", open_gate());
  std::printf("signals %d\n", coalesced_signals());
  std::printf("ticker %d\n", ticker_service());
  std::printf("limiter %d\n", rate_limiter());
  std::printf("timers %d\n", many_timers());
  std::printf("container %d\n", timers_in_a_container());
  std::printf("bursts %d\n", bursts());
  std::printf("contexts %d\n", contexts_cancelled_late());
  std::printf("program %d\n", context_of_the_program());
  std::printf("rounds %d\n", rounds_of_one_group());
  std::printf("nested %d\n", nested_adds());
  std::printf("adds %d\n", adds_under_a_lock());
  std::printf("sends %d\n", sends_under_a_lock());
  std::printf("receiver %d\n", closed_by_the_receiver());
  std::printf("held %d\n", lock_held_across_a_wait());
}
