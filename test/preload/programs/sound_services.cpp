// Services as people write them, each for a moment, and correct: a server whose requests have deadlines and helpers of
// their own, a cache whose entries expire, subscribers that are too slow, retries, a flush by size or time, a pipeline
// that is cancelled midway, a shutdown that waits for what is under way. And closes and turns that are ordered by
// whatever a program has for that: a count, the end of the last owner, a read-write lock, tokens, the standard
// library's latches and futures. Nothing may be reported. All is bounded by counts, not by time.
#include <vigil/vigil.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <shared_mutex>
#include <thread>
#include <utility>
#include <vector>

namespace {

using vigil::Channel;
using vigil::Context;
using vigil::Unit;
using vigil::WaitGroup;
using namespace std::chrono_literals;

// ---- services ------------------------------------------------------------------------------------------------------

// Each request asks two helpers, who belong to its context, and does not wait for whom it does not need.
int server() {
  const auto [root, stop] = vigil::with_cancel(vigil::background());
  const Channel<int> requests(4);
  WaitGroup workers;
  std::atomic<int> served{0};
  for (int worker = 0; worker < 8; ++worker) {
    workers.go([&, root = root] {
      for (const int request : requests) {
        const auto [ctx, cancel] = vigil::with_timeout(root, 10s);
        const Channel<int> found(1), cached(1);
        vigil::go(ctx, [=] { found.send(request); });
        vigil::go(ctx, [=] {
          if (request % 3 == 0) return cached.close();
          cached.send(request);
        });
        vigil::select(vigil::on_receive(found, [&](auto) { ++served; }),
                      vigil::on_receive(cached, [&](auto) { ++served; }), vigil::on_receive(ctx.done(), [](auto) {}));
        cancel();
      }
    });
  }
  for (int request = 0; request < 200; ++request) requests.send(request);
  requests.close();
  workers.wait();
  stop();
  return served;
}

int cache_with_expiry() {
  struct Entry {
    int hits = 0;
    std::optional<vigil::Timer> expiry;
  };
  vigil::Mutex lock;
  std::map<int, Entry> entries;
  WaitGroup expired, users;
  std::atomic<int> made{0};
  for (int user = 0; user < 4; ++user) {
    users.go([&, user] {
      for (int i = 0; i < 50; ++i) {
        const int key = (i * 7 + user) % 20;
        const std::scoped_lock held(lock);
        const auto [at, is_new] = entries.try_emplace(key);
        ++at->second.hits;
        if (!is_new) {
          if (at->second.expiry->stop()) at->second.expiry->reset(200us);
          continue;
        }
        ++made;
        expired.add(1);
        at->second.expiry.emplace(vigil::after_func(200us, [&, key] {
          {
            const std::scoped_lock mine(lock);
            entries.erase(key);
          }
          expired.done();
        }));
      }
    });
  }
  users.wait();
  expired.wait();
  return made > 0 && entries.empty() ? 1 : 0;
}

// Whoever is too slow misses something.
int publisher() {
  vigil::RwMutex lock;
  std::map<int, Channel<int>> subscribers;
  WaitGroup readers;
  std::atomic<bool> over{false};
  std::atomic<int> read{0};
  for (int reader = 0; reader < 5; ++reader) {
    const Channel<int> mine(4);
    {
      const std::scoped_lock held(lock);
      subscribers.emplace(reader, mine);
    }
    readers.go([&, mine, reader] {
      for (const int item : mine) {
        ++read;
        if (reader % 2 == 0 && item % 16 == 0) vigil::sleep_for(20us);
      }
      over = true;
    });
  }
  for (int item = 0; item < 400; ++item) {
    {
      const std::shared_lock held(lock);
      for (const auto& [reader, channel] : subscribers) (void)channel.try_send(item);
    }
    if (item % 8 == 0) vigil::yield();
  }
  {
    const std::scoped_lock held(lock);
    for (const auto& [reader, channel] : subscribers) channel.close();
  }
  readers.wait();
  return over && read > 0 ? 1 : 0;
}

int retries() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  WaitGroup clients;
  for (int client = 0; client < 10; ++client) {
    clients.go([ctx = ctx] {
      std::chrono::microseconds delay = 10us;
      for (int attempt = 0; attempt < 12; ++attempt, delay += delay / 2) {
        const vigil::Timer again(delay);
        vigil::select(vigil::on_receive(again.channel(), [](auto) {}), vigil::on_receive(ctx.done(), [](auto) {}));
        again.stop();
      }
    });
  }
  clients.wait();
  cancel();
  return 1;
}

// Hands items on in batches: when there are enough, or when the oldest has waited for long.
int batches() {
  const Channel<int> items(8);
  const Channel<std::vector<int>> full(1);
  WaitGroup tasks;
  tasks.go([=] {
    std::vector<int> batch;
    const vigil::Timer flush(200us);
    for (bool open = true; open;) {
      bool now = false;
      vigil::select(vigil::on_receive(items,
                                      [&](std::optional<int> item) {
                                        open = item.has_value();
                                        if (item) batch.push_back(*item);
                                        now = !open || batch.size() == 16;
                                      }),
                    vigil::on_receive(flush.channel(), [&](auto) { now = true; }));
      if (!now) continue;
      if (!batch.empty()) full.send(std::exchange(batch, {}));
      if (!flush.stop()) (void)flush.channel().try_receive();
      flush.reset(200us);
    }
    flush.stop();
    full.close();
  });
  tasks.go([=] {
    for (int item = 0; item < 200; ++item) {
      items.send(item);
      if (item % 70 == 0) vigil::sleep_for(400us);
    }
    items.close();
  });
  int sum = 0;
  for (const std::vector<int>& batch : full) sum += static_cast<int>(batch.size());
  tasks.wait();
  return sum;
}

// Its reader has enough long before its source ends; whoever is in between leaves with what it has in hand.
int pipeline_cancelled_midway() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  const auto pass_on = [](const Context& until, const Channel<int>& to, int item) {
    bool passed = false;
    vigil::select(vigil::on_send(to, item, [&] { passed = true; }), vigil::on_receive(until.done(), [](auto) {}));
    return passed;
  };
  WaitGroup stages;
  Channel<int> last(0);
  stages.add(4);
  vigil::go(ctx, [=, &stages, ctx = ctx] {
    for (int item = 0; pass_on(ctx, last, item); ++item) {
    }
    last.close();
    stages.done();
  });
  for (int stage = 0; stage < 3; ++stage) {
    const Channel<int> from = std::exchange(last, Channel<int>(0));
    vigil::go(ctx, [=, &stages, to = last, ctx = ctx] {
      while (const std::optional<int> item = from.receive()) {
        if (!pass_on(ctx, to, *item + 1)) break;
      }
      to.close();
      stages.done();
    });
  }
  int got = 0;
  while (got < 20 && last.receive()) ++got;
  cancel();
  stages.wait();
  return got;
}

int shutdown() {
  std::shared_mutex lock;
  bool closing = false;
  WaitGroup under_way, clients;
  for (int client = 0; client < 4; ++client) {
    clients.go([&] {
      for (int i = 0; i < 40; ++i) {
        const std::shared_lock held(lock);
        if (closing) return;
        under_way.add(1);
        vigil::go([&] { under_way.done(); });
      }
    });
  }
  {
    const std::scoped_lock held(lock);
    closing = true;
  }
  under_way.wait();
  clients.wait();
  return 1;
}

// Started by a task whose context ends, and meant to stay.
int daemon_of_a_request() {
  static const Channel<int> lines(16);
  static vigil::Once started;
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  WaitGroup request;
  request.add(1);
  vigil::go(ctx, [&] {
    started.call([] {
      vigil::daemon([] {
        while (lines.receive()) {
        }
      });
    });
    lines.send(1);
    request.done();
  });
  request.wait();
  cancel();
  return 1;
}

// ---- what orders a close after the sends
// ------------------------------------------------------------------------------

template <class LastOne>
int received_until_closed(int senders, LastOne send_and_maybe_close) {
  const Channel<int> items(3);
  for (int sender = 0; sender < senders; ++sender) vigil::go([=] { send_and_maybe_close(items); });
  int received = 0;
  while (items.receive()) ++received;
  return received;
}

int closed_by_a_count() {
  const auto left = std::make_shared<std::atomic<int>>(6);
  return received_until_closed(6, [left](const Channel<int>& items) {
    for (int i = 0; i < 10; ++i) items.send(i);
    if (--*left == 0) items.close();
  });
}

int closed_by_the_last_owner() {
  struct Owner {
    Channel<int> items{3};
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    ~Owner() { items.close(); }
  };
  auto shared = std::make_shared<Owner>();
  const Channel<int> items = shared->items;
  for (int sender = 0; sender < 6; ++sender) {
    vigil::go([shared] {
      for (int i = 0; i < 10; ++i) shared->items.send(i);
    });
  }
  shared.reset();
  int received = 0;
  while (items.receive()) ++received;
  return received;
}

template <class Lock>
int closed_under_a_write_lock() {
  Lock lock;
  bool closed = false;
  const Channel<int> items(1000);
  WaitGroup senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.go([&] {
      for (int i = 0; i < 30; ++i) {
        const std::shared_lock held(lock);
        if (closed) return;
        items.send(i);
      }
    });
  }
  {
    const std::scoped_lock held(lock);
    closed = true;
    items.close();
  }
  while (items.receive()) {
  }
  senders.wait();
  return 1;
}

int closed_with_all_tokens() {
  vigil::Semaphore tokens(4);
  const Channel<int> items(100);
  for (int sender = 0; sender < 8; ++sender) {
    tokens.acquire();
    vigil::go([&tokens, items] {
      items.send(1);
      tokens.release();
    });
  }
  tokens.acquire(4);
  items.close();
  int received = 0;
  while (items.receive()) ++received;
  tokens.release(4);
  return received;
}

// The sender is a thread, and `over` and `wait` are how it says that it has sent all.
template <class Over, class Wait>
int closed_after(Over over, Wait wait) {
  const Channel<int> items(10);
  std::thread sender([&] {
    for (int i = 0; i < 3; ++i) items.send(i);
    over();
  });
  wait();
  items.close();
  sender.join();
  int received = 0;
  while (items.receive()) ++received;
  return received;
}

int closed_after_what_the_library_has() {
  std::promise<void> promise;
  std::latch latch(1);
  std::binary_semaphore token(0);
  std::atomic<int> word{0};
  std::mutex lock;
  std::condition_variable changed;
  bool is_over = false;
  const auto tell = [&] {
    const std::scoped_lock held(lock);
    is_over = true;
    changed.notify_one();
  };
  const auto hear = [&] {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return is_over; });
  };
  const auto raise = [&] {
    word = 1;
    word.notify_one();
  };
  return closed_after([&] { promise.set_value(); }, [&] { promise.get_future().wait(); }) +
         closed_after([&] { latch.count_down(); }, [&] { latch.wait(); }) +
         closed_after([&] { token.release(); }, [&] { token.acquire(); }) + closed_after(raise, [&] { word.wait(0); }) +
         closed_after(tell, hear);
}

}  // namespace

int main() {
  std::printf("server %d\n", server());
  std::printf("cache %d\n", cache_with_expiry());
  std::printf("publisher %d\n", publisher());
  std::printf("retries %d\n", retries());
  std::printf("batches %d\n", batches());
  std::printf("pipeline %d\n", pipeline_cancelled_midway());
  std::printf("shutdown %d\n", shutdown());
  std::printf("daemon %d\n", daemon_of_a_request());
  std::printf("count %d\n", closed_by_a_count());
  std::printf("owner %d\n", closed_by_the_last_owner());
  std::printf("write lock %d\n", closed_under_a_write_lock<vigil::RwMutex>());
  std::printf("write lock %d\n", closed_under_a_write_lock<std::shared_mutex>());
  std::printf("tokens %d\n", closed_with_all_tokens());
  std::printf("library %d\n", closed_after_what_the_library_has());
}
