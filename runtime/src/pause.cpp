// Stopping the whole runtime at the doors of its operations, and the fence that makes this cheap for everybody else.
#include <algorithm>
#include <ctime>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/src/clock.hpp"
#include "runtime/src/fatal.hpp"
#include "runtime/src/thread_record.hpp"
#include "runtime/src/turns.hpp"

namespace vigil::detail {
namespace {

constexpr int kRegisterPrivateExpedited = 1 << 4;  // MEMBARRIER_CMD_... of linux/membarrier.h
constexpr int kPrivateExpedited = 1 << 3;

constinit FutexWord paused{0};               // 1: while a pause lasts; threads at the door sleep on it
constinit std::atomic<bool> pausing{false};  // one pause at a time
constinit SpinLock publish_lock;             // a record is published before or after a pause begins, not during

bool register_membarrier() noexcept { return ::syscall(SYS_membarrier, kRegisterPrivateExpedited, 0, 0) == 0; }

// Without membarrier: taking the right to write from a page that is in use makes the kernel interrupt every processor
// that runs a thread of this process, to forget its translation, and an interrupt is a fence.
void fence_by_mprotect() noexcept {
  static void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static constinit SpinLock one_at_a_time;
  const SpinGuard held(one_at_a_time);
  if (page == MAP_FAILED || ::mprotect(page, 4096, PROT_READ | PROT_WRITE) != 0) fatal("cannot fence other threads");
  static_cast<std::atomic<char>*>(page)->store(1, std::memory_order_relaxed);
  if (::mprotect(page, 4096, PROT_READ) != 0) fatal("cannot fence other threads");
}

void nap(std::uint64_t until_ns) noexcept {
  const std::uint64_t now = now_ns();
  const std::uint64_t left = until_ns > now ? until_ns - now : 0;
  const timespec duration{0, static_cast<long>(std::min<std::uint64_t>(left, 20'000))};
  nanosleep(&duration, nullptr);
}

}  // namespace

void fence_all_threads() noexcept {
  // Whoever comes first registers, twice if need be. Without a guarded static: who watches comes here on a thread of
  // his own, and a sanitizer that follows the guards knows no such thread.
  enum : int { kUnknown, kHave, kHaveNot };
  static constinit std::atomic<int> membarrier{kUnknown};
  int known = membarrier.load(std::memory_order_relaxed);  // relaxed: the kernel was told before, whoever did it
  if (known == kUnknown) {
    known = register_membarrier() ? kHave : kHaveNot;
    membarrier.store(known, std::memory_order_relaxed);
  }
  if (known == kHaveNot || ::syscall(SYS_membarrier, kPrivateExpedited, 0, 0) != 0) fence_by_mprotect();
}

void publish_record(ThreadRecord& record) noexcept {
  const SpinGuard held(publish_lock);
  if (paused.load(std::memory_order_relaxed) != 0)
    record.stop.fetch_or(ThreadRecord::kPaused, std::memory_order_relaxed);
  if (is_choosing()) record.stop.fetch_or(ThreadRecord::kChoosing, std::memory_order_relaxed);
  record.next_record = first_record().load(std::memory_order_relaxed);
  first_record().store(&record, std::memory_order_release);
}

void ThreadRecord::enter_slow() noexcept {
  if ((stop.load(std::memory_order_relaxed) & kChoosing) != 0) turns().point(*this, false);
  wait_at_door();
}

void ThreadRecord::wait_at_door() noexcept {
  for (;;) {
    busy.store(0, std::memory_order_release);
    while ((stop.load(std::memory_order_relaxed) & kClaimed) != 0) cpu_relax();  // a few instructions of another worker
    while ((stop.load(std::memory_order_relaxed) & kPaused) != 0) futex_wait(paused, 1);
    busy.store(1,
               std::memory_order_seq_cst);  // a real fence here: pairs with fence_all_threads(), which may be long over
    if ((stop.load(std::memory_order_seq_cst) & (kPaused | kClaimed)) == 0) return;
  }
}

bool pause_all(std::uint64_t deadline_ns) noexcept {
  while (pausing.exchange(true, std::memory_order_acquire)) {
    if (now_ns() >= deadline_ns) return false;
    nap(deadline_ns);
  }
  ThreadRecord* const own = this_thread_or_null();
  {
    const SpinGuard held(publish_lock);
    paused.store(1, std::memory_order_relaxed);
    each_record([&](ThreadRecord& record) {
      if (&record != own) record.stop.fetch_or(ThreadRecord::kPaused, std::memory_order_relaxed);
    });
  }
  fence_all_threads();
  bool reached = true;
  each_record([&](ThreadRecord& record) {
    while (reached && &record != own && record.busy.load(std::memory_order_acquire) != 0) {
      if (now_ns() >= deadline_ns) {
        reached = false;
      } else {
        nap(deadline_ns);
      }
    }
  });
  if (!reached) resume_all();
  return reached;
}

void resume_all() noexcept {
  {
    const SpinGuard held(publish_lock);
    each_record([](ThreadRecord& record) { record.stop.fetch_and(~ThreadRecord::kPaused, std::memory_order_release); });
    paused.store(0, std::memory_order_release);
  }
  futex_wake_all(paused);
  pausing.store(false, std::memory_order_release);
}

}  // namespace vigil::detail
