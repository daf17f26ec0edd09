#include "interpose/race/collect.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>

#include "interpose/futex_lock.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/access_states.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/slot_owners.hpp"
#include "interpose/race/slot_pool.hpp"
#include "interpose/race/wide_records.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::race {

namespace detail {
constinit std::atomic<std::uint32_t> collector_round{0};
constinit std::atomic<std::uint64_t> collect_when_made{~std::uint64_t{0}};  // at first: never
}  // namespace detail

namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::uint64_t kLeastMade = 1U << 16U;  // 2 MiB of states: below, collecting costs more than it saves

constinit FutexLock collector_lock;  // one at a time; who finds it held goes on
constinit CollectorStatistics statistics;

void barrier_everywhere() noexcept {
  if (raw_syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0) return;
  raw_syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

// Waits until every thread that is inside now has left once. False: one did not for seconds (it was stopped, or it
// died inside): then nothing may be freed.
struct Waiting {
  const EngineThread* self;
  OwnVector<std::pair<const EngineThread*, std::uint32_t>> inside;
};

bool wait_for_those_inside() noexcept {
  barrier_everywhere();
  Waiting waiting{hot.thread, {}};
  each_engine_thread(
      [](EngineThread& thread, void* context) {
        auto& all = *static_cast<Waiting*>(context);
        // acquire: pairs with the release in end_visit(): what it did inside is done.
        const std::uint32_t visits = thread.visits.load(std::memory_order_acquire);
        if (&thread != all.self && visits % 2 != 0) all.inside.emplace_back(&thread, visits);
      },
      &waiting);
  constexpr int kTries = 20'000;
  for (int i = 0; !waiting.inside.empty() && i < kTries; ++i) {
    const timespec moment{0, 100'000};
    raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&moment), 0);
    Waiting still{hot.thread, {}};
    // Threads that ended are gone from the registry.
    struct Compare {
      Waiting* before;
      Waiting* after;
    } compare{&waiting, &still};
    each_engine_thread(
        [](EngineThread& thread, void* context) {
          const auto& both = *static_cast<Compare*>(context);
          for (const auto& [known, visit] : both.before->inside) {
            if (known == &thread && thread.visits.load(std::memory_order_acquire) == visit) {
              both.after->inside.emplace_back(known, visit);
            }
          }
        },
        &compare);
    waiting.inside.swap(still.inside);
  }
  return waiting.inside.empty();
}

void clear_covered_entries() noexcept {
  each_engine_thread(
      [](EngineThread& thread, void*) {
        // acquire: pairs with the releases in cover_more(); what is found is a table, and the one before it is seen.
        thread.covered.load(std::memory_order_acquire)->clear();
        CoveredTable* const before = thread.covered_before.load(std::memory_order_acquire);
        if (before != nullptr) before->clear();
      },
      nullptr);
}

// The slots of the states that stay, as far as they are in graves: a bit per slot.
struct HeldSlots {
  OwnVector<std::uint64_t> bits;
  ClockSlot last{0};
  void add(ClockSlot slot) noexcept {
    if (slot == last) return;  // neighbours were often made by one actor
    last = slot;
    const auto number = static_cast<std::size_t>(slot);
    if (number / 64 >= bits.size()) bits.resize(std::max(number / 64 + 1, 2 * bits.size()));
    bits[number / 64] |= std::uint64_t{1} << number % 64;
  }
  [[nodiscard]] bool holds(ClockSlot slot) const noexcept {
    const auto number = static_cast<std::size_t>(slot);
    return number / 64 < bits.size() && (bits[number / 64] >> number % 64 & 1U) != 0;
  }
};

void collect_locked() noexcept {
  // Not due again while it goes on: everybody else would come here at each access, for a lock that is held.
  detail::collect_when_made.store(kNever, std::memory_order_relaxed);
  begin_marking();
  slot_pool.mark_graves();
  mark_owners();
  // relaxed: wait_for_those_inside() is the fence, on both sides.
  detail::collector_round.fetch_add(1, std::memory_order_relaxed);
  std::uint64_t reached = 0;
  if (wait_for_those_inside()) {
    each_state([](StateId state, void*) { mark_chain(state); }, nullptr);
    HeldSlots slots;
    Epoch last_held;
    const auto hold = [&](Epoch at) noexcept {
      if (at == last_held) return;  // neighbours were often made by one actor
      last_held = at;
      slots.add(at.slot());
      keep_owner(at);
    };
    const std::uint32_t bound = states_bound();
    const std::uint32_t garbage = note_unmarked([&](const AccessNode& node) {
      ++reached;
      if (node.is_wide()) return node.wide->each_word([&](AccessWord word) { hold(word.at()); });
      hold(AccessWord(node.word.load(std::memory_order_relaxed)).at());
      if (!node.is_private()) return;
      // A record that moves meanwhile, from one node to another, stays where it was as well: it is seen in either.
      std::uint64_t& second = const_cast<AccessNode&>(node).second;  // atomic_ref<const> came later
      hold(AccessWord(std::atomic_ref(second).load(std::memory_order_relaxed)).at());
    });
    // A thread may have noted meanwhile how it came from a state that is garbage by now.
    detail::collector_round.fetch_add(1, std::memory_order_relaxed);
    if (wait_for_those_inside()) {
      clear_covered_entries();
      give_back_noted(bound);
      slot_pool.settle_graves(
          [](ClockSlot slot, const void* held) { return static_cast<const HeldSlots*>(held)->holds(slot); }, &slots);
      settle_owners();
      statistics.freed += garbage;
    }
  }
  end_marking();
  ++statistics.rounds;
  statistics.reached = reached;
  // Scanning a megabyte of shadow costs about what making ten thousand states does.
  const std::uint64_t pause = std::max({kLeastMade, reached, static_cast<std::uint64_t>(shadow_in_memory()) / 64});
  detail::collect_when_made.store(states_made() + pause, std::memory_order_relaxed);
}

}  // namespace

void collect() noexcept {
  if (!collector_lock.try_lock()) return;
  collect_locked();
  collector_lock.unlock();
}

void prepare_collector() noexcept {
  raw_syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
  detail::collect_when_made.store(states_made() + kLeastMade, std::memory_order_relaxed);
}

void collect_now() noexcept {
  const InsideGuard inside;
  collect();
}

void collector_forked() noexcept {
  collector_lock.reset_after_fork();
  end_marking();
  prepare_collector();
}

CollectorStatistics collector_statistics() noexcept { return statistics; }

}  // namespace vigil::shim::race
