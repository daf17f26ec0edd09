#include "interpose/spins.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <atomic>

#include "interpose/finding_writer.hpp"
#include "interpose/life/contexts.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/object_list.hpp"
#include "interpose/objects.hpp"
#include "interpose/options.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::spins {

namespace detail {
thread_local constinit std::uint64_t operations __attribute__((tls_model("initial-exec"))) = 0;
}

namespace {

// Who spends more than this on a round has something to do between two looks. Counted in steps of two sorts, atomic
// additions and multiplications each of which waits for the one before, by whichever says more: both take longer where
// all does, on a slow processor or one whose other half is busy, but processors differ in what an atomic addition costs
// next to anything else (5 to 8 ns on an Intel, 1.6 ns on an AMD of 2023, where a multiplication takes 0.9 ns). A round
// of a spin takes 30 to 80 ns, 60 to 200 ns when nothing at all is optimised, and 460 to 540 ns in code that is
// instrumented, too.
struct MostOfARound {
  std::int64_t additions;
  std::int64_t multiplications;
};
constexpr MostOfARound kPlain{.additions = 48, .multiplications = 192};
constexpr MostOfARound kInstrumented{.additions = 100, .multiplications = 800};
constexpr std::uint32_t kLookEvery = 64;
constexpr std::uint32_t kDropsAreSeenSooner = 8;
constexpr std::uint32_t kWarmUp = 4;  // rounds before the clock is read, which costs as much as they do

// What this thread has used of the processor, and how often it slept.
struct Used {
  std::int64_t ns = 0;
  std::int64_t sleeps = 0;
};
std::int64_t thread_ns() noexcept {
  timespec time{};
  raw_syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, reinterpret_cast<long>(&time));
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}
std::int64_t thread_sleeps() noexcept {
  rusage usage{};
  raw_syscall(SYS_getrusage, RUSAGE_THREAD, reinterpret_cast<long>(&usage));
  return usage.ru_nvcsw;
}
// What is measured comes after from_now(), or before until_now(): the time is read next to it.
Used from_now() noexcept {
  const std::int64_t sleeps = thread_sleeps();
  return {.ns = thread_ns(), .sleeps = sleeps};
}
Used until_now() noexcept {
  const std::int64_t ns = thread_ns();
  return {.ns = ns, .sleeps = thread_sleeps()};
}

// The least of a few trials: an interrupt makes one long, nothing makes one short.
template <class Work>
std::int64_t least_ns_of(Work&& work) noexcept {
  constexpr int kTrials = 6;
  std::int64_t least = 1'000'000;
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::int64_t begin = thread_ns();
    work();
    least = std::min(least, thread_ns() - begin);
  }
  return least;
}

// What so many rounds of a spin cost at most, on this processor and now, and reading the clock once.
std::int64_t most_ns_of(std::int64_t rounds) noexcept {
  constexpr std::int64_t kSteps = 1024;  // reading the clock takes as long as some hundred
  const std::int64_t clock_ns = least_ns_of([] {});
  const std::int64_t additions_ns = least_ns_of([] {
    std::atomic<std::uint32_t> word{0};  // nobody else sees it
    for (std::int64_t i = 0; i < kSteps; ++i) word.fetch_add(1, std::memory_order_relaxed);
  });
  const std::int64_t multiplications_ns = least_ns_of([] {
    std::uint64_t number = kSteps;
    for (std::int64_t i = 0; i < kSteps; ++i) {
      number *= number;
      asm volatile("" : "+r"(number));  // one after the other, and none left out
    }
  });
  const MostOfARound& most = race::engine_is_native() ? kInstrumented : kPlain;
  const std::int64_t round_ns = std::max(most.additions * (additions_ns - clock_ns),  //
                                         most.multiplications * (multiplications_ns - clock_ns));
  return clock_ns + rounds * round_ns / kSteps;
}

// Rounds in a row, on one thread, by one actor, with nothing between.
struct Run {
  const void* actor = nullptr;
  const void* subject = nullptr;  // the channel
  std::uint64_t operations = 0;   // the thread's, when the last round ended
  std::uint32_t rounds = 0;
  bool told = false;
  std::uint32_t timed_from = kWarmUp;  // that round's end was at `begin`
  Used begin;
  StackId stack = kNoStack;  // of the last look at the place

  // Counts a round.
  void goes_on(const void* by, const void* on) noexcept {
    if (by != actor || on != subject || detail::operations != operations) {
      *this = Run{.actor = by, .subject = on, .operations = detail::operations, .begin = {}};
    }
    ++rounds;
  }
  // The last thing that is done about a round: the next ones are timed.
  void time_from_here() noexcept {
    timed_from = rounds;
    begin = from_now();
  }
  // Whether nothing but the rounds took the thread's time until then.
  [[nodiscard]] bool was_idle(const Used& until) const noexcept {
    const std::int64_t timed = rounds - timed_from;
    return until.ns - begin.ns <= most_ns_of(timed) && until.sleeps - begin.sleeps <= 1 + timed / 64;
  }
};

thread_local constinit Run closed_run __attribute__((tls_model("initial-exec"))) = {};
thread_local constinit Run default_run __attribute__((tls_model("initial-exec"))) = {};

void tell_closed(const Actor& actor, const ChannelObject& channel, std::uint32_t rounds) noexcept {
  const ActorInfo who = info_of(actor, "running");
  Line message;
  message << words_for(who).view() << " received from " << words_for(channel).view() << " " << rounds
          << " times in a row though it was closed and empty: each receive returned at once, and what it returned was "
             "no item";
  const ObjectInfo object = info_of(channel);
  OwnVector<Participant> participants;
  participants.push_back({.role = "receiver",
                          .actor = who,
                          .operation = "receive",
                          .object = 0,
                          .held = {},
                          .stack = capture_stack(),
                          .note = "it receives here, over and over"});
  if (channel.closed) {
    participants.push_back({.role = "closer",
                            .actor = info_of(channel.closer, ""),
                            .operation = "close",
                            .object = 0,
                            .held = {},
                            .stack = channel.closed_at,
                            .note = "the channel was closed here"});
  }
  report({.kind = Kind::ClosedChannelSpin,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = {&object, 1}});
}

void tell_default(const Actor& actor, const vigil_probe_case* cases, std::uint32_t case_count,
                  std::uint32_t rounds) noexcept {
  const ActorInfo who = info_of(actor, "running");
  const bool sends = case_count != 0 && cases[0].is_send != 0;
  ObjectList objects;
  Line message;
  message << words_for(who).view() << " took the default " << rounds << " times in a row and did nothing else: ";
  if (case_count == 1) {
    const ChannelObject* const channel = channels().find(cases[0].channel);
    if (channel != nullptr) {
      objects.index_of(info_of(*channel));
      message << words_for(*channel).view();
    } else {
      message << "the channel";
    }
    message << (sends ? " was full each time, and each item was dropped" : " had nothing for it");
  } else {
    for (std::uint32_t i = 0; i < case_count; ++i) {
      if (const ChannelObject* const channel = channels().find(cases[i].channel)) objects.index_of(info_of(*channel));
    }
    message << "no case was ready";
  }
  const Participant spinner{.role = "spinner",
                            .actor = who,
                            .operation = sends && case_count == 1 ? "send" : "select",
                            .object = objects.all().size() == 1 ? 0 : -1,
                            .held = {},
                            .stack = capture_stack(),
                            .note = "the default is taken here, over and over"};
  report({.kind = Kind::BusySelect,
          .message = message.view(),
          .hint = sends ? "Send with a deadline, or block, and count what is dropped." : std::string_view{},
          .participants = {&spinner, 1},
          .objects = objects.all()});
}

// A poll for the end of a context is no wait, whatever else its loop does.
bool is_a_wait(const vigil_probe_case* cases, std::uint32_t case_count) noexcept {
  for (std::uint32_t i = 0; i < case_count; ++i) {
    if (!contexts::is_done_channel(cases[i].channel)) return true;
  }
  return false;
}

// Dropping item after item is seen sooner than waiting: each is lost for good. A channel with room for one only says
// "something happened", and saying it twice loses nothing.
std::uint32_t most_rounds(const vigil_probe_case* cases, std::uint32_t case_count) noexcept {
  const auto most = static_cast<std::uint32_t>(options().busy_select);
  if (case_count != 1 || cases[0].is_send == 0) return most;
  const ChannelObject* const channel = channels().find(cases[0].channel);
  return channel != nullptr && channel->capacity > 1 ? most / kDropsAreSeenSooner : most;
}

}  // namespace

void closed_receive(vigil_probe_actor* actor, const void* channel) noexcept {
  if (inside_shim || stage() != Stage::Live || options().closed_spin == 0) return;
  Run& run = closed_run;
  run.goes_on(actor, channel);
  const std::uint32_t most = std::max<std::uint32_t>(static_cast<std::uint32_t>(options().closed_spin), kWarmUp + 1);
  const bool timed = run.rounds > kWarmUp;
  if (run.told || (run.rounds != kWarmUp && (!timed || run.rounds % most != 0))) return;
  const Used until = timed ? until_now() : Used{};
  record([&] {
    const StackId here = capture_stack();
    const bool same_place = std::exchange(run.stack, here) == here;
    if (!timed || !same_place) return;
    if (!run.was_idle(until)) {
      run.rounds = 0;
      return;
    }
    run.told = true;
    const ChannelObject* const known = channels().find(channel);
    if (known != nullptr) tell_closed(actor_of(actor), *known, run.rounds);
  });
  if (!run.told && run.rounds >= kWarmUp) run.time_from_here();
}

void default_taken(vigil_probe_actor* actor, const vigil_probe_case* cases, std::uint32_t case_count) noexcept {
  if (inside_shim || case_count == 0) return;
  Run& run = default_run;
  run.goes_on(actor, cases[0].channel);
  if (run.rounds == kWarmUp) run.time_from_here();
  if (run.told || run.rounds % kLookEvery != 0) return;
  record([&] {
    const std::uint32_t most = most_rounds(cases, case_count);
    if (most == 0 || run.rounds < most || (run.rounds - most) % (8 * kLookEvery) >= kLookEvery) return;
    if (!run.was_idle(until_now())) {
      run.rounds = 0;
      return;
    }
    run.told = true;
    if (is_a_wait(cases, case_count)) tell_default(actor_of(actor), cases, case_count, run.rounds);
  });
}

}  // namespace vigil::shim::spins
