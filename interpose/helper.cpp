#include "interpose/helper.hpp"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <limits>

#include "interpose/deadline.hpp"
#include "interpose/end.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/options.hpp"
#include "interpose/own_mappings.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/say.hpp"
#include "interpose/stacks/callers_frame.hpp"
#include "interpose/stacks/safe_read.hpp"
#include "interpose/stall.hpp"
#include "interpose/watched_children.hpp"

namespace vigil::shim {
namespace {

constexpr std::size_t kMostHelpers = 8;
constexpr std::size_t kStackBytes = 256U << 10;  // a detector's search and a report's text run on it
// Kernel ids. release on store, acquire on load: nothing rides on them but the id itself.
constinit std::array<std::atomic<int>, kMostHelpers> helper_tids{};
constinit std::atomic<std::size_t> helpers{0};  // asked for, so that a fork right after the start counts them
constinit std::atomic<std::size_t> next_slot{0};
constinit std::atomic<bool> service_started{false};
constinit std::atomic<std::uint32_t> requests{0};  // futex word: one more for each request

// What a request asks for; stored before `requests` is counted up, whose release and acquire order them.
constinit std::atomic<bool> main_left{false};
constinit std::atomic<bool> dump_wanted{false};

struct Launch {
  void (*body)(void*) noexcept;
  void* context;
};

// Lower ends of the helpers' stacks. What lies there is no word of the program's, up to the end of libc's frame that
// called the helper's first (it has registers of whoever created the thread): above that are thread-local variables,
// which may be. relaxed: each is written by its helper, and read when that is gone.
constinit std::array<std::atomic<std::uintptr_t>, kMostHelpers> helper_stacks{};

// By what can be read below the frame, down to the guard: pthread_getattr_np() would allocate, and this thread is none
// that an allocator may have to know (ThreadSanitizer's crashes in it).
void note_own_stack(std::size_t slot, const void* first_frame) noexcept {
  constexpr std::uintptr_t kPage = 4096;
  const auto frame = reinterpret_cast<std::uintptr_t>(first_frame);
  const std::uintptr_t high = unwind::end_of_callers_frame(frame);
  std::uintptr_t low = frame / kPage * kPage;
  while (frame - low < kStackBytes && unwind::is_readable(low - kPage)) low -= kPage;
  helper_stacks[slot].store(low, std::memory_order_relaxed);
  note_own_mapping(low, high - low);
}

void forget_own_stack(std::size_t slot) noexcept {
  const std::uintptr_t low = helper_stacks[slot].exchange(0, std::memory_order_relaxed);
  if (low != 0) forget_own_mapping(low);
}

void* run(void* argument) {
  inside_shim = true;
  auto* const launch = static_cast<Launch*>(argument);
  const std::size_t slot = next_slot.fetch_add(1, std::memory_order_relaxed);
  if (slot < kMostHelpers) {
    helper_tids[slot].store(static_cast<int>(raw_syscall(SYS_gettid)), std::memory_order_release);
    note_own_stack(slot, __builtin_frame_address(0));
  }
  const Launch copy = *launch;
  own_delete(launch);
  copy.body(copy.context);
  if (slot < kMostHelpers) {
    forget_own_stack(slot);
    helper_tids[slot].store(0, std::memory_order_release);
  }
  helpers.fetch_sub(1, std::memory_order_relaxed);
  return nullptr;
}

bool program_threads_are_gone() noexcept {
  const OwnVector<int> threads = kernel_threads();
  // Nothing readable is no proof.
  return !threads.empty() && std::ranges::all_of(threads, is_helper);
}

// What libc does on the last thread of a program.
[[noreturn]] void exit_for_the_last_thread() noexcept {
  const std::uint64_t none = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&none), 0, 8);
  exit(0);
}

void serve(void* /*context*/) noexcept {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  // How often to look for the program's last thread, once the main thread has left: the system tells nobody.
  constexpr std::int64_t kLookAgainNs = 10'000'000;
  Deadline deadline(process_info().started_steady_ns, options().deadline.ns);
  StallWatch stall(options().stall.ns);
  std::uint32_t seen = 0;
  while (true) {
    const bool looking = main_left.load(std::memory_order_acquire);
    if (looking && program_threads_are_gone()) exit_for_the_last_thread();
    std::int64_t wake_ns = std::min(deadline.next_ns(), stall.next_ns());
    if (looking) wake_ns = std::min(wake_ns, steady_now_ns() + kLookAgainNs);
    timespec at{wake_ns / 1'000'000'000, wake_ns % 1'000'000'000};
    // FUTEX_WAIT_BITSET takes an absolute time of the steady clock.
    raw_syscall(SYS_futex, reinterpret_cast<long>(&requests), FUTEX_WAIT_BITSET_PRIVATE, seen,
                wake_ns != kNever ? reinterpret_cast<long>(&at) : 0, 0, FUTEX_BITSET_MATCH_ANY);
    // acquire: pairs with the release of request_dump().
    if (const std::uint32_t now = requests.load(std::memory_order_acquire); now != seen) {
      seen = now;
      if (stage() == Stage::Live && dump_wanted.exchange(false)) dump_tasks();
    }
    if (stage() == Stage::Live && stall.look(steady_now_ns())) {
      if (children_waited_for() == Children::Watched) {
        stall.begin_anew();
        continue;
      }
      say("nothing has moved for as long as stall says; the program is ended");
      end_process(EndKind::Deadline);
    }
    if (deadline.look(steady_now_ns())) end_process(EndKind::Deadline);
  }
}

void wake_service_thread() noexcept {
  requests.fetch_add(1, std::memory_order_release);
  raw_syscall(SYS_futex, reinterpret_cast<long>(&requests), FUTEX_WAKE_PRIVATE, INT_MAX);
}

}  // namespace

bool start_helper(void (*body)(void*) noexcept, void* context) noexcept {
  const InsideGuard inside;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // But for the one by which libc changes the user of all its threads: setuid() waits for each.
  constexpr int kSetUserOfAllThreads = 33;
  const std::uint64_t all = ~(std::uint64_t{1} << (kSetUserOfAllThreads - 1));
  std::uint64_t before = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&all), reinterpret_cast<long>(&before), 8);
  auto* const launch = own_new<Launch>(Launch{body, context});
  pthread_t thread{};
  helpers.fetch_add(1, std::memory_order_relaxed);
  const int error = real_process().thread_create(&thread, &attributes, run, launch);
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&before), 0, 8);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    helpers.fetch_sub(1, std::memory_order_relaxed);
    own_delete(launch);
  }
  return error == 0;
}

std::size_t helper_count() noexcept { return helpers.load(std::memory_order_relaxed); }

bool is_helper(int tid) noexcept {
  for (const auto& one : helper_tids) {
    if (one.load(std::memory_order_acquire) == tid) return true;
  }
  return false;
}

void start_service_thread() noexcept {
  if (service_started.exchange(true, std::memory_order_relaxed)) return;
  if (!start_helper(serve, nullptr)) service_started.store(false, std::memory_order_relaxed);
}

bool request_dump() noexcept {
  if (!service_started.load(std::memory_order_relaxed)) return false;
  dump_wanted.store(true, std::memory_order_relaxed);
  wake_service_thread();
  return true;
}

void main_thread_leaves() noexcept {
  if (helper_count() == 0) return;
  start_service_thread();
  main_left.store(true, std::memory_order_relaxed);
  wake_service_thread();
}

void forget_helpers_after_fork() noexcept {
  for (auto& one : helper_tids) one.store(0, std::memory_order_relaxed);
  // Their stacks are libc's to give to others now.
  for (std::size_t slot = 0; slot < kMostHelpers; ++slot) forget_own_stack(slot);
  helpers.store(0, std::memory_order_relaxed);
  next_slot.store(0, std::memory_order_relaxed);
  service_started.store(false, std::memory_order_relaxed);
}

}  // namespace vigil::shim
