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

// Who spends more than this on a round has something to do between two looks. Counted in atomic additions, which take
// longer where all does: on a slow processor, or one whose other half is busy. One takes 7 to 10 ns here, a round of a
// spin 45 to 80 ns, some 200 ns when nothing at all is optimised, and 460 ns in code that is instrumented, too.
constexpr std::int64_t kMostAdditionsOfARound = 48;
constexpr std::int64_t kMostAdditionsOfAnInstrumentedRound = 100;
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
Used used() noexcept {
  rusage usage{};
  raw_syscall(SYS_getrusage, RUSAGE_THREAD, reinterpret_cast<long>(&usage));
  return {thread_ns(), usage.ru_nvcsw};
}

// What so many rounds of a spin cost at most, on this processor and now. The least of a few trials: an interrupt makes
// one long, nothing makes one short.
std::int64_t most_ns_of(std::int64_t rounds) noexcept {
  constexpr int kTrials = 8;
  constexpr std::uint32_t kAdditions = 256;
  std::atomic<std::uint32_t> word{0};
  std::int64_t least_ns = 1'000'000;
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::int64_t begin_ns = thread_ns();
    for (std::uint32_t i = 0; i < kAdditions; ++i) word.fetch_add(1, std::memory_order_relaxed);  // nobody else sees it
    least_ns = std::min(least_ns, thread_ns() - begin_ns);
  }
  const std::int64_t each = race::engine_is_native() ? kMostAdditionsOfAnInstrumentedRound : kMostAdditionsOfARound;
  return rounds * each * least_ns / kAdditions;
}

// Rounds in a row, on one thread, by one actor, with nothing between.
struct Run {
  const void* actor = nullptr;
  const void* subject = nullptr;  // the channel
  std::uint64_t operations = 0;   // the thread's, when the last round ended
  std::uint32_t rounds = 0;
  bool told = false;
  Used begin;                // after kWarmUp rounds
  StackId stack = kNoStack;  // of the last look at the place

  // Counts a round; true: it is one more of a run that has been timed.
  bool goes_on(const void* by, const void* on) noexcept {
    if (by != actor || on != subject || detail::operations != operations) {
      *this = Run{.actor = by, .subject = on, .operations = detail::operations, .begin = {}};
    }
    if (++rounds == kWarmUp) begin = used();
    return rounds > kWarmUp;
  }
  // Whether nothing but the rounds took the thread's time.
  [[nodiscard]] bool is_idle() const noexcept {
    const Used now = used();
    const std::int64_t timed = rounds - kWarmUp;
    return now.ns - begin.ns <= most_ns_of(timed) && now.sleeps - begin.sleeps <= 1 + timed / 64;
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
  if (inside_shim || stage() != Stage::Live) return;
  Run& run = closed_run;
  const bool timed = run.goes_on(actor, channel);
  const std::uint32_t most = std::max<std::uint32_t>(static_cast<std::uint32_t>(options().closed_spin), kWarmUp + 1);
  if (run.told || (run.rounds != kWarmUp && (!timed || run.rounds % most != 0))) return;
  record([&] {
    const StackId here = capture_stack();
    const bool same_place = std::exchange(run.stack, here) == here;
    if (!timed || !same_place) return;
    if (!run.is_idle()) {
      run.rounds = 0;
      return;
    }
    run.told = true;
    const ChannelObject* const known = channels().find(channel);
    if (known != nullptr) tell_closed(actor_of(actor), *known, run.rounds);
  });
}

void default_taken(vigil_probe_actor* actor, const vigil_probe_case* cases, std::uint32_t case_count) noexcept {
  if (inside_shim || case_count == 0) return;
  Run& run = default_run;
  if (!run.goes_on(actor, cases[0].channel) || run.told || run.rounds % kLookEvery != 0) return;
  record([&] {
    const std::uint32_t most = most_rounds(cases, case_count);
    if (most == 0 || run.rounds < most || (run.rounds - most) % (8 * kLookEvery) >= kLookEvery) return;
    if (!run.is_idle()) {
      run.rounds = 0;
      return;
    }
    run.told = true;
    if (is_a_wait(cases, case_count)) tell_default(actor_of(actor), cases, case_count, run.rounds);
  });
}

}  // namespace vigil::shim::spins
