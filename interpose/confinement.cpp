#include "interpose/confinement.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

namespace vigil::shim::confinement {
namespace {

// What is known of the accumulator where an instruction begins. Jumps go forward only, so that one sweep in order meets
// every way there is; where two ways meet with different values, nothing is known, and both branches count.
enum class Reach : std::uint8_t { Never, Known, Unknown };
struct Place {
  std::uint32_t value;
  Reach reach;
};

constinit std::array<Place, BPF_MAXINSNS> places{};
// seq_cst by default: not hot. Held while `places` is used; who finds it held says "no" rather than wait.
constinit std::atomic<bool> in_use{false};

void reach(Place& place, const Place& with) noexcept {
  if (place.reach == Reach::Never) {
    place = with;
  } else if (with.reach == Reach::Unknown || place.value != with.value) {
    place.reach = Reach::Unknown;
  }
}

// ---- one instruction ----

Place loaded(const sock_filter& code, std::uint32_t number) noexcept {
  if (code.code == (BPF_LD | BPF_W | BPF_ABS)) {
    if (code.k == offsetof(seccomp_data, nr)) return {number, Reach::Known};
    if (code.k == offsetof(seccomp_data, arch)) return {AUDIT_ARCH_X86_64, Reach::Known};
  }
  if (code.code == (BPF_LD | BPF_IMM)) return {code.k, Reach::Known};
  return {0, Reach::Unknown};  // an argument, or what the filter keeps for itself
}

Place computed(const sock_filter& code, const Place& before) noexcept {
  if (before.reach == Reach::Known && code.code == (BPF_ALU | BPF_AND | BPF_K))
    return {before.value & code.k, Reach::Known};
  return {0, Reach::Unknown};
}

bool is_known_jump(const sock_filter& code, const Place& before) noexcept {
  return before.reach == Reach::Known && BPF_SRC(code.code) == BPF_K;
}

bool jumps(const sock_filter& code, std::uint32_t value) noexcept {
  switch (BPF_OP(code.code)) {
    case BPF_JEQ:
      return value == code.k;
    case BPF_JGT:
      return value > code.k;
    case BPF_JGE:
      return value >= code.k;
    default:
      return (value & code.k) != 0;  // BPF_JSET
  }
}

bool is_harmless(const sock_filter& code) noexcept {
  if (BPF_RVAL(code.code) != BPF_K) return false;
  const std::uint32_t action = code.k & SECCOMP_RET_ACTION_FULL;
  return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || action == SECCOMP_RET_ERRNO;
}

bool sweep(std::span<const sock_filter> filter, std::uint32_t number) noexcept {
  std::fill_n(places.begin(), filter.size(), Place{0, Reach::Never});
  places[0] = {0, Reach::Known};
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const sock_filter& code = filter[at];
    const Place before = places[at];
    if (before.reach == Reach::Never) continue;
    const auto go_on = [&](std::size_t by, const Place& with) {
      if (at + 1 + by >= filter.size()) return false;  // the kernel takes no such filter
      reach(places[at + 1 + by], with);
      return true;
    };
    bool fine = true;
    switch (BPF_CLASS(code.code)) {
      case BPF_RET:
        fine = is_harmless(code);
        break;
      case BPF_JMP:
        if (BPF_OP(code.code) == BPF_JA) {
          fine = go_on(code.k, before);
        } else if (is_known_jump(code, before)) {
          fine = go_on(jumps(code, before.value) ? code.jt : code.jf, before);
        } else {
          fine = go_on(code.jt, before) && go_on(code.jf, before);
        }
        break;
      case BPF_LD:
        fine = go_on(0, loaded(code, number));
        break;
      case BPF_ALU:
        fine = go_on(0, computed(code, before));
        break;
      case BPF_MISC:  // the accumulator to or from the other register
        fine = go_on(0, BPF_MISCOP(code.code) == BPF_TAX ? before : Place{0, Reach::Unknown});
        break;
      default:  // BPF_LDX, BPF_ST, BPF_STX
        fine = go_on(0, before);
    }
    if (!fine) return false;
  }
  return true;
}

// ---- what is asked ----

// What the shim, and the runtime for it, may call on the thread that ends the program. Longer than need be: a call that
// is missing here is a program killed, one too many is a report that `vigil report` makes instead.
constexpr auto kEnd = std::to_array<std::uint32_t>({SYS_close,         SYS_rt_sigprocmask,
                                                    SYS_openat,        SYS_futex,
                                                    SYS_nanosleep,     SYS_clock_nanosleep,
                                                    SYS_gettid,        SYS_read,
                                                    SYS_prlimit64,     SYS_madvise,
                                                    SYS_fstat,         SYS_newfstatat,
                                                    SYS_fcntl,         SYS_write,
                                                    SYS_munmap,        SYS_mmap,
                                                    SYS_mprotect,      SYS_membarrier,
                                                    SYS_tgkill,        SYS_readlink,
                                                    SYS_pread64,       SYS_poll,
                                                    SYS_ppoll,         SYS_process_vm_readv,
                                                    SYS_clock_gettime, SYS_timer_create,
                                                    SYS_timer_settime, SYS_timer_delete,
                                                    SYS_sched_yield,   SYS_rt_sigtimedwait,
                                                    SYS_rt_sigpending, SYS_rt_sigaction,
                                                    SYS_rt_sigreturn,  SYS_sigaltstack,
                                                    SYS_pipe2,         SYS_clone,
                                                    SYS_wait4,         SYS_getdents64,
                                                    SYS_ftruncate,     SYS_fallocate,
                                                    SYS_faccessat,     SYS_getrusage,
                                                    SYS_geteuid,       SYS_getcwd,
                                                    SYS_brk,           SYS_sched_getaffinity});
// The record is mapped memory; one look at the process's number goes before each write.
constexpr auto kLastRecord = std::to_array<std::uint32_t>({SYS_getpid, SYS_futex});

constexpr unsigned kNoEnd = 1U << 0;
constexpr unsigned kNoLastRecord = 1U << 1;
constexpr unsigned kNoLook = 1U << 2;
thread_local constinit unsigned forbidden_here __attribute__((tls_model("initial-exec"))) = 0;
constinit std::atomic<unsigned> forbidden_to_all{0};  // relaxed: bits are only added, and no data ride on them

unsigned forbidden() noexcept { return forbidden_here | forbidden_to_all.load(std::memory_order_relaxed); }

unsigned forbidden_by(const sock_fprog* program) noexcept {
  if (program == nullptr) return kNoEnd | kNoLastRecord | kNoLook;
  const std::span<const sock_filter> filter(program->filter, program->len);
  const auto lets = [&](std::uint32_t number) { return lets_pass(filter, number); };
  const unsigned looks = lets(SYS_fstat) && lets(SYS_newfstatat) ? 0 : kNoLook;
  if (!std::ranges::all_of(kLastRecord, lets)) return kNoEnd | kNoLastRecord | looks;
  return std::ranges::all_of(kEnd, lets) ? 0 : kNoEnd | looks;
}

}  // namespace

bool lets_pass(std::span<const sock_filter> filter, std::uint32_t number) noexcept {
  if (filter.empty() || filter.size() > places.size() || in_use.exchange(true)) return false;
  const bool passes = sweep(filter, number);
  in_use.store(false);
  return passes;
}

void installed(const sock_fprog* filter, bool for_all_threads) noexcept {
  const unsigned bits = forbidden_by(filter);
  forbidden_here |= bits;
  if (for_all_threads) forbidden_to_all.fetch_or(bits, std::memory_order_relaxed);
}

unsigned here() noexcept { return forbidden_here; }
void inherit(unsigned creator) noexcept { forbidden_here = creator; }

bool forbids_the_end() noexcept { return (forbidden() & kNoEnd) != 0; }
bool forbids_looks() noexcept { return (forbidden() & kNoLook) != 0; }
bool forbids_the_last_record() noexcept { return (forbidden() & kNoLastRecord) != 0; }

}  // namespace vigil::shim::confinement
