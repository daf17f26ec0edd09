#include "interpose/stacks/safe_read.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <array>

#include "interpose/raw_syscall.hpp"

namespace vigil::shim::unwind {
namespace {

constexpr std::uintptr_t kPage = 4096;
constexpr std::uintptr_t page_of(std::uintptr_t address) noexcept { return address & ~(kPage - 1); }

// A frame larger than this is taken for a mistake of the tables.
constexpr std::uintptr_t kMostGap = 16U << 20U;

// The window this thread's last walk ended with. A page in it can only have gone if its stack went, and then no walk
// that starts on another stack uses it: a window is used again only from inside it.
struct Remembered {
  std::uintptr_t low;
  std::uintptr_t high;
};
thread_local constinit Remembered remembered __attribute__((tls_model("initial-exec"))) = {0, 0};

// Valgrind's question to itself whether it is there (its manual, "The Client Request mechanism"): rotations that change
// nothing, then an exchange of a register with itself. A processor leaves the answer 0.
bool is_under_valgrind() noexcept {
  constexpr std::uint64_t kRunningOnValgrind = 0x1001;
  const std::array<std::uint64_t, 6> request{kRunningOnValgrind};
  std::uint64_t answer = 0;
  asm volatile(
      "rol $3, %%rdi\n\t"
      "rol $13, %%rdi\n\t"
      "rol $61, %%rdi\n\t"
      "rol $51, %%rdi\n\t"
      "xchg %%rbx, %%rbx"
      : "+d"(answer)
      : "a"(request.data())
      : "rdi", "cc", "memory");
  return answer != 0;
}

}  // namespace

bool is_readable(std::uintptr_t address) noexcept {
  // The kernel copies the new mask in before it looks at how: EFAULT tells unreadable, EINVAL readable. It changes
  // nothing, is quicker than mincore (which calls swapped pages absent) and needs no descriptor.
  constexpr long kNoSuchHow = -1;
  constexpr long kFault = -14;
  const auto at = static_cast<long>(address);
  if (!is_under_valgrind()) return raw_syscall(SYS_rt_sigprocmask, kNoSuchHow, at, 0, 8) != kFault;
  // Valgrind looks at how itself, and complains on standard error. Nobody is requeued from a word to itself, and the
  // kernel reads it first; this takes twice as long.
  return raw_syscall(SYS_futex, at & ~3L, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, at & ~3L, 0) != kFault;
}

StackWindow::StackWindow(std::uintptr_t stack_pointer) noexcept : may_grow_(true) {
  const Remembered last = remembered;
  if (stack_pointer >= last.low && stack_pointer < last.high) {
    low_ = last.low;
    high_ = last.high;
    return;
  }
  low_ = page_of(stack_pointer);
  high_ = low_ + kPage;
}

void StackWindow::follow(std::uintptr_t stack_pointer) noexcept {
  if (!may_grow_ || (stack_pointer >= low_ && stack_pointer < high_)) return;
  if (!is_readable(stack_pointer & ~std::uintptr_t{7})) return;
  low_ = page_of(stack_pointer);
  high_ = low_ + kPage;
}

bool StackWindow::grow(std::uintptr_t address) noexcept {
  if (!may_grow_ || address < low_ || address - high_ > kMostGap) {
    // Just below a window's end an unaligned word may straddle it; we read aligned words only.
    return false;
  }
  const std::uintptr_t wanted = page_of(address) + kPage;
  while (high_ < wanted) {
    if (high_ == remembered.low && low_ < remembered.low) {
      high_ = remembered.high;  // grew into what is known: the same stack, some frames deeper than last time
      continue;
    }
    if (!is_readable(high_)) return false;
    high_ += kPage;
  }
  remembered = {low_, high_};
  return true;
}

}  // namespace vigil::shim::unwind
