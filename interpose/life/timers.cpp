#include "interpose/life/timers.hpp"

#include <atomic>
#include <bit>

#include "interpose/finding_writer.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/objects.hpp"
#include "interpose/options.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::timers {
namespace {

struct TimerObject {
  StackId created_at = kNoStack;
  ActorKey maker{};
  std::uint32_t kind = 0;  // VIGIL_TIMER_...
  bool is_set = false;
  std::uintptr_t channel = 0;
};

struct Tables {
  OwnMap<std::uintptr_t, TimerObject> timers;       // by address
  OwnMap<std::uintptr_t, std::uintptr_t> feeders;   // channel -> timer
  OwnMap<std::uint64_t, std::uint64_t> set_by_one;  // maker and place -> how many of its timers are set
  OwnSet<std::uint64_t> told;                       // maker and place
};

constinit FutexLock lock;
constinit Tables* tables = nullptr;  // guarded by lock

// Whether a timer ever fed a channel. relaxed: a channel that a timer feeds goes after that timer was made, and whoever
// lets it go was handed it.
constinit std::atomic<bool> some_feed{false};

// Holds the lock, as far as a dying process lets go of it.
class Hold {
 public:
  Hold() noexcept : held_(lock_within(lock)) {
    if (held_ && tables == nullptr) tables = own_new<Tables>();
  }
  ~Hold() {
    if (held_) lock.unlock();
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  explicit operator bool() const noexcept { return held_; }
  [[nodiscard]] TimerObject* find(std::uintptr_t timer) const noexcept {
    if (!held_) return nullptr;
    const auto at = tables->timers.find(timer);
    return at == tables->timers.end() ? nullptr : &at.value();
  }

 private:
  const bool held_;
};

std::uintptr_t number(const void* address) noexcept { return reinterpret_cast<std::uintptr_t>(address); }

std::uint64_t pile_of(const TimerObject& timer) noexcept {
  return (static_cast<std::uint64_t>(timer.maker) ^ static_cast<std::uint64_t>(timer.created_at) << 20U) *
         0x9e3779b97f4a7c15ULL;
}

// Under the lock. How many its maker has set at that place now.
std::uint64_t count_set(TimerObject& timer) noexcept {
  if (std::exchange(timer.is_set, true) || timer.kind == VIGIL_TIMER_CALL) return 0;
  return ++tables->set_by_one[pile_of(timer)];
}

void count_unset(TimerObject& timer) noexcept {
  if (!std::exchange(timer.is_set, false) || timer.kind == VIGIL_TIMER_CALL) return;
  const auto pile = tables->set_by_one.find(pile_of(timer));
  if (pile != tables->set_by_one.end() && --pile.value() == 0) tables->set_by_one.erase(pile);
}

// Under the lock. Whether nobody can stop it or hear of it any more: its channel has no handle but its own. One that
// lies in a container, or whose channel does, is remembered.
bool is_forgotten(const TimerObject& timer) noexcept {
  const vigil_probe_runtime* const table = runtime();
  if (!timer.is_set || timer.channel == 0) return false;
  if (table == nullptr || !has(*table, &vigil_probe_runtime::channel_handles)) return true;
  return table->channel_handles(reinterpret_cast<const void*>(timer.channel)) <= 1;
}

// Under the lock. How many of its pile are forgotten; it was made just now, so its maker still has it.
std::uint64_t count_forgotten(const TimerObject& newest) noexcept {
  std::uint64_t count = 1;
  for (const auto& [address, timer] : tables->timers) {
    if (timer.maker == newest.maker && timer.created_at == newest.created_at && is_forgotten(timer)) ++count;
  }
  return count;
}

void tell_pile(const TimerObject& timer, std::uint64_t count) noexcept {
  const ActorInfo maker = info_of(timer.maker, "running");
  Line message;
  message << words_for(maker).view() << " made " << count << (timer.kind == VIGIL_TIMER_TICKER ? " tickers" : " timers")
          << " at one place, and none of them was stopped, or fired yet, before it made the next: they stay set";
  const Participant participant{.role = "maker",
                                .actor = maker,
                                .operation = "timer",
                                .held = {},
                                .stack = timer.created_at,
                                .note = "each was made here"};
  report({.kind = Kind::TimerLeak,
          .message = message.view(),
          .hint = {},
          .participants = {&participant, 1},
          .objects = {}});
}

}  // namespace

void made(const Actor& actor, const void* timer, std::uint32_t kind, const void* channel) noexcept {
  const StackId here = capture_stack();
  const Hold hold;
  if (!hold) return;
  if (TimerObject* const old = hold.find(number(timer))) count_unset(*old);  // its destruction was not heard
  tables->timers[number(timer)] = {
      .created_at = here, .maker = key_of(actor), .kind = kind, .channel = number(channel)};
  if (channel == nullptr) return;
  tables->feeders[number(channel)] = number(timer);
  some_feed.store(true, std::memory_order_relaxed);
}

void set(const void* timer) noexcept {
  TimerObject copy;
  std::uint64_t count = 0;
  {
    const Hold hold;
    TimerObject* const known = hold.find(number(timer));
    if (known == nullptr) return;
    // At each doubling, so that a large pile that its maker remembers is walked through seldom.
    const std::uint64_t most = options().timer_pile;
    const std::uint64_t set_now = count_set(*known);
    if (most == 0 || set_now == 0 || set_now % most != 0 || !std::has_single_bit(set_now / most)) return;
    if (tables->told.contains(pile_of(*known))) return;
    count = count_forgotten(*known);
    if (count < most) return;
    tables->told.insert(pile_of(*known));
    copy = *known;
  }
  tell_pile(copy, count);
}

void stopped(const void* timer) noexcept {
  const Hold hold;
  if (TimerObject* const known = hold.find(number(timer))) count_unset(*known);
}

void fired(const void* timer) noexcept {
  const Hold hold;
  TimerObject* const known = hold.find(number(timer));
  if (known != nullptr && known->kind != VIGIL_TIMER_TICKER) count_unset(*known);
}

void destroyed(const void* timer) noexcept {
  const Hold hold;
  TimerObject* const known = hold.find(number(timer));
  if (known == nullptr) return;
  count_unset(*known);
  // Its channel stays a timer's: a tick that nobody took may still lie in it when it goes.
  tables->timers.erase(number(timer));
}

void channel_gone(const void* channel) noexcept {
  if (!some_feed.load(std::memory_order_relaxed)) return;
  const Hold hold;
  if (hold) tables->feeders.erase(number(channel));
}

bool feeds(const void* channel) noexcept {
  const Hold hold;
  return hold && tables->feeders.find(number(channel)) != tables->feeders.end();
}

namespace {

// The timer that is set and feeds a receive of that wait, or nothing.
TimerObject setting(const vigil_probe_wait& wait, std::uint32_t kind) noexcept {
  const Hold hold;
  if (!hold) return {};
  for (std::uint32_t i = 0; i < wait.case_count; ++i) {
    if (wait.cases[i].is_send != 0) continue;
    const auto feeder = tables->feeders.find(number(wait.cases[i].channel));
    if (feeder == tables->feeders.end()) continue;
    const TimerObject* const timer = hold.find(feeder->second);
    if (timer != nullptr && timer->is_set && timer->kind == kind) return *timer;
  }
  return {};
}

}  // namespace

bool will_end(const vigil_probe_wait& wait) noexcept { return setting(wait, VIGIL_TIMER_ONCE).is_set; }

void tell_ticker_of(const vigil_probe_wait& leaked, const Actor& task, StackId stack) noexcept {
  const TimerObject ticker = setting(leaked, VIGIL_TIMER_TICKER);
  if (!ticker.is_set) return;
  const ActorInfo waiter = info_of(task, "blocked");
  Line message;
  message << "a ticker was never stopped, and " << words_for(waiter).view() << " waited for its next tick for ever";
  const Participant participants[] = {{.role = "maker",
                                       .actor = info_of(ticker.maker, ""),
                                       .operation = "ticker",
                                       .held = {},
                                       .stack = ticker.created_at,
                                       .note = "the ticker was made here"},
                                      {.role = "receiver",
                                       .actor = waiter,
                                       .operation = "receive",
                                       .held = {},
                                       .stack = stack,
                                       .note = "the task waits for its ticks here"}};
  report({.kind = Kind::TimerLeak, .message = message.view(), .hint = {}, .participants = participants, .objects = {}});
}

}  // namespace vigil::shim::timers
