// The entry points besides the atomics that have to do something: copies (clang 16 and newer call these in place of
// libc's), unaligned accesses by name, a barrier, and answers that are not 0.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

template <class T>
T load_unaligned(const void* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// The barrier of ThreadSanitizer's own tests, in the 8 bytes they give it: arrivals in the low half, the party's size
// in the high half. Threads meet there without being ordered: nothing of it is told to anybody.
using Barrier = std::uint64_t;

struct Halves {
  std::uint32_t arrivals;
  std::uint32_t party;
};
static_assert(sizeof(Halves) == sizeof(Barrier));

long futex(std::uint32_t* word, int operation, std::uint32_t value) noexcept {
  const int saved_errno = errno;
  const long result = syscall(SYS_futex, word, operation, value, nullptr, nullptr, 0);
  errno = saved_errno;
  return result;
}

}  // namespace

extern "C" {
#pragma GCC visibility push(default)

void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) noexcept { return std::memcpy(to, from, bytes); }
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) noexcept { return std::memmove(to, from, bytes); }
void* __tsan_memset(void* to, int byte, std::size_t bytes) noexcept { return std::memset(to, byte, bytes); }

std::uint16_t __sanitizer_unaligned_load16(const void* from) noexcept { return load_unaligned<std::uint16_t>(from); }
std::uint32_t __sanitizer_unaligned_load32(const void* from) noexcept { return load_unaligned<std::uint32_t>(from); }
std::uint64_t __sanitizer_unaligned_load64(const void* from) noexcept { return load_unaligned<std::uint64_t>(from); }
void __sanitizer_unaligned_store16(void* to, std::uint16_t value) noexcept { std::memcpy(to, &value, sizeof(value)); }
void __sanitizer_unaligned_store32(void* to, std::uint32_t value) noexcept { std::memcpy(to, &value, sizeof(value)); }
void __sanitizer_unaligned_store64(void* to, std::uint64_t value) noexcept { std::memcpy(to, &value, sizeof(value)); }

void __tsan_testonly_barrier_init(Barrier* barrier, unsigned party) noexcept {
  *barrier = static_cast<Barrier>(party) << 32U;
}

void __tsan_testonly_barrier_wait(Barrier* barrier) noexcept {
  auto* const halves = reinterpret_cast<Halves*>(barrier);
  const std::uint32_t party = halves->party;
  if (party == 0) return;  // never initialised: nobody to wait for
  const std::atomic_ref<std::uint32_t> arrivals(halves->arrivals);
  const std::uint32_t mine = arrivals.fetch_add(1);
  if ((mine + 1) % party == 0) {
    futex(&halves->arrivals, FUTEX_WAKE_PRIVATE, INT_MAX);
    return;
  }
  for (std::uint32_t now = arrivals.load(); now / party == mine / party; now = arrivals.load()) {
    futex(&halves->arrivals, FUTEX_WAIT_PRIVATE, now);
  }
}

double ValgrindSlowdown() noexcept { return 1.0; }
const char* ThreadSanitizerQuery(const char* /*question*/) noexcept { return "0"; }

#pragma GCC visibility pop
}
