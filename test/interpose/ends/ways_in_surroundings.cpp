// Ends in surroundings that a program makes for itself: limits, sandboxes, other rights, small stacks, crash handlers
// that recover, destructors that still talk to tasks.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/ends/way.hpp"

namespace vigil::test {
namespace {

// ---- limits ------------------------------------------------------------------------------------------------------

int limit_to(__rlimit_resource resource, rlim_t most) {
  const rlimit limit{most, most};
  return setrlimit(resource, &limit) == 0 ? 0 : 1;
}
int way_no_more_descriptors() { return limit_to(RLIMIT_NOFILE, 3); }
int way_no_more_memory() { return limit_to(RLIMIT_AS, 1U << 20); }
// Locks are taken in orders that nobody has taken before, and all there is for it is what is mapped already.
int way_no_more_memory_among_locks() {
  constexpr std::size_t kLocks = 4000;
  static std::array<std::mutex, kLocks> locks;
  static std::mutex begin;
  static std::size_t worked = 0;
  begin.lock();
  std::thread other([] {
    const std::scoped_lock ready(begin);
    for (std::size_t i = 1; i < kLocks; ++i) {
      const std::scoped_lock first(locks[i - 1]);
      const std::scoped_lock second(locks[i]);
      ++worked;
    }
  });
  const int error = limit_to(RLIMIT_AS, 1U << 20);
  begin.unlock();
  other.join();
  std::printf("limited: %d, worked %zu\n", error, worked);
  return 0;
}
// The kernel sends SIGXCPU after the first second of processor time, and SIGKILL after the second.
int way_little_processor_time() {
  const rlimit limit{1, 2};
  return setrlimit(RLIMIT_CPU, &limit) == 0 ? 0 : 1;
}
int way_no_more_file_size() { return limit_to(RLIMIT_FSIZE, 0); }

// ---- other rights, another root ----------------------------------------------------------------------------------

int way_gives_up_root() {
  if (getuid() != 0) return 0;
  const bool given_up = setgid(65534) == 0 && setuid(65534) == 0;
  std::printf("given up: %d, back: %d\n", given_up ? 1 : 0, setuid(0) == 0 ? 1 : 0);
  return 0;
}
// Its /proc entries are root's from here on, and nobody may trace it.
int way_not_dumpable() {
  std::printf("not dumpable: %d\n", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 1 : 0);
  return 0;
}
int way_another_root() {
  if (getuid() != 0) return 0;
  std::printf("chroot: %d\n", mkdir("root", 0700) == 0 && chroot("root") == 0 && chdir("/") == 0 ? 1 : 0);
  return 0;
}

// ---- a sandbox ---------------------------------------------------------------------------------------------------

// From here no file can be opened, no process or thread made and no pipe: each such call fails with EPERM.
int way_sandbox() {
  constexpr std::array<unsigned, 14> kForbidden{SYS_open,   SYS_openat,     SYS_creat,        SYS_clone, SYS_clone3,
                                                SYS_fork,   SYS_vfork,      SYS_execve,       SYS_pipe,  SYS_pipe2,
                                                SYS_socket, SYS_pidfd_open, SYS_memfd_create, SYS_ptrace};
  std::array<sock_filter, 2 * kForbidden.size() + 2> filter{};
  std::size_t at = 0;
  filter[at++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);  // the call's number
  for (const unsigned number : kForbidden) {
    filter[at++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
    filter[at++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  }
  filter[at++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog program{static_cast<unsigned short>(at), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    return 0;
  std::printf("sandboxed: %d\n", open("/dev/null", O_RDONLY) < 0 ? 1 : 0);
  return 0;
}

// The kernel kills the program when this thread makes a call that is not among those that its own end takes.
int install(const sock_filter* filter, std::size_t length, bool by_syscall) {
  const sock_fprog program{static_cast<unsigned short>(length), const_cast<sock_filter*>(filter)};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return by_syscall ? static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
                    : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
int confine(bool by_syscall) {
  constexpr std::array<unsigned, 10> kAllowed{SYS_write,  SYS_exit_group, SYS_exit, SYS_futex, SYS_newfstatat,
                                              SYS_munmap, SYS_getpid,     SYS_brk,  SYS_mmap,  SYS_madvise};
  std::array<sock_filter, kAllowed.size() + 3> filter{};
  std::size_t at = 0;
  filter[at++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);  // the call's number
  for (std::size_t i = 0; i < kAllowed.size(); ++i)
    filter[at++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kAllowed[i], static_cast<std::uint8_t>(kAllowed.size() - i), 0);
  filter[at++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  filter[at++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  std::printf("confined: %d\n", install(filter.data(), at, by_syscall));
  return 0;
}
int way_confined() { return confine(false); }
int way_confined_by_syscall() { return confine(true); }
// A thread that may only read, write and exit, beside tasks.
int way_strict_thread() {
  const Channel<int> numbers(1);
  vigil::go([=] { numbers.send(1); });
  numbers.receive();
  std::fflush(stdout);
  std::thread([] {
    constexpr std::string_view kText = "strict\n";
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return;
    const ssize_t written = write(STDOUT_FILENO, kText.data(), kText.size());
    syscall(SYS_exit, written);
  }).join();
  return 0;
}
// A call that nobody makes, and one of which it depends on an argument: both concern the end of no program.
int way_confined_a_little() {
  constexpr unsigned kSecondArgument = offsetof(seccomp_data, args) + 8;
  const std::array filter{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
                          sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 5),
                          sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 3, 0),
                          sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
                          sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kSecondArgument),
                          sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 12345, 0, 1),
                          sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                          sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  std::printf("confined: %d\n", install(filter.data(), filter.size(), false));
  return 0;
}

// A thread that may not make a call which no new thread makes by itself, and the threads that it starts.
int way_confined_threads() {
  std::thread([] {
    const std::array filter{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                            sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sigaltstack, 0, 1),
                            sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                            sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    std::printf("confined: %d\n", install(filter.data(), filter.size(), false));
    std::thread([] { std::thread([] { std::puts("its thread's thread"); }).join(); }).join();
  }).join();
  return 0;
}

// ---- small stacks, own handlers ----------------------------------------------------------------------------------

// Locks, memory, channels and a misuse on the smallest stack that a thread may have.
int way_smallest_stack() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, static_cast<std::size_t>(PTHREAD_STACK_MIN));
  pthread_t thread{};
  const int error = pthread_create(
      &thread, &attributes,
      [](void*) -> void* {
        static std::mutex* const lock = new std::mutex;
        const std::scoped_lock held(*lock);
        const Channel<int> numbers(1);
        numbers.send(static_cast<int>(std::string(100, 'x').size()));
        static int received = 0;
        received = numbers.receive().value_or(0);
        return &received;
      },
      nullptr);
  void* result = nullptr;
  if (error == 0) pthread_join(thread, &result);
  std::printf("thread: %d, %d\n", error, result == nullptr ? -1 : *static_cast<int*>(result));
  pthread_attr_destroy(&attributes);
  return 0;
}

// All that a thread of the smallest stack has for itself without the shim, used below a lock and around a misuse: in
// memory of the system's, and in the program's own.
struct Frugal {
  std::array<std::mutex, 2> locks;
  int worked = 0;
  void work() {
    constexpr std::size_t kAllItHas = 7000;  // libc and the linker take the rest
    std::array<char, kAllItHas> own;
    std::memset(own.data(), ++worked, own.size());
    asm volatile("" : : "r"(own.data()) : "memory");
    for (std::mutex& one : locks) one.lock();
    for (std::mutex& one : locks) one.unlock();
  }
};
int way_all_of_the_smallest_stack() {
  static Frugal frugal;
  static void* const memory = std::aligned_alloc(4096, static_cast<std::size_t>(PTHREAD_STACK_MIN));
  for (const bool is_own : {false, true}) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (is_own) {
      pthread_attr_setstack(&attributes, memory, static_cast<std::size_t>(PTHREAD_STACK_MIN));
    } else {
      pthread_attr_setstacksize(&attributes, static_cast<std::size_t>(PTHREAD_STACK_MIN));
    }
    pthread_t thread{};
    const int error = pthread_create(
        &thread, &attributes,
        [](void*) -> void* {
          frugal.work();
          return nullptr;
        },
        nullptr);
    if (error == 0) pthread_join(thread, nullptr);
    std::size_t said = 0;
    pthread_attr_getstacksize(&attributes, &said);
    std::printf("thread: %d, worked %d, %d\n", error, frugal.worked,
                said == static_cast<std::size_t>(PTHREAD_STACK_MIN) ? 1 : 0);
    pthread_attr_destroy(&attributes);
  }
  return 0;
}

// The same of threads of whom nothing is said, pthread's and C11's, when the program has changed what they get.
int way_all_of_a_small_default_stack() {
  static Frugal frugal;
  pthread_attr_t usual;
  pthread_getattr_default_np(&usual);
  std::size_t large = 0;
  pthread_attr_getstacksize(&usual, &large);
  for (const std::size_t bytes : {large, static_cast<std::size_t>(PTHREAD_STACK_MIN), large}) {
    pthread_attr_setstacksize(&usual, bytes);
    pthread_setattr_default_np(&usual);
    pthread_t thread{};
    const int error = pthread_create(
        &thread, nullptr,
        [](void*) -> void* {
          frugal.work();
          return nullptr;
        },
        nullptr);
    if (error == 0) pthread_join(thread, nullptr);
    thrd_t c11_thread{};
    const auto run = [](void*) {
      frugal.work();
      return -7;
    };
    int result = 0;
    const int c11_error = thrd_create(&c11_thread, run, nullptr);
    if (c11_error == thrd_success) thrd_join(c11_thread, &result);
    std::printf("thread: %d, worked %d, C11: %d, %d\n", error, frugal.worked, c11_error, result);
  }
  pthread_attr_destroy(&usual);
  return 0;
}

sigjmp_buf recovery;

int way_recovers_from_segv() {
  static std::array<char, 1U << 16> stack;
  const stack_t alternate{stack.data(), 0, stack.size()};
  sigaltstack(&alternate, nullptr);
  struct sigaction wanted {};
  wanted.sa_handler = [](int) { siglongjmp(recovery, 1); };
  wanted.sa_flags = SA_ONSTACK;
  sigaction(SIGSEGV, &wanted, nullptr);
  volatile int recovered = 0;
  for (int i = 0; i < 3; ++i) {
    if (sigsetjmp(recovery, 1) != 0) {
      recovered = recovered + 1;
      continue;
    }
    volatile int* volatile nowhere = nullptr;
    *nowhere = 1;
  }
  stack_t now{};
  sigaltstack(nullptr, &now);
  std::printf("recovered %d times, on its own stack: %d\n", static_cast<int>(recovered),
              now.ss_sp == stack.data() ? 1 : 0);
  return 0;
}

// ---- after main --------------------------------------------------------------------------------------------------

// A service with static life: its destructor asks its task to end and waits until it has.
class Service {
 public:
  Service() {
    vigil::go([this] {
      for (const int number : requests_) sum_ += number;
      ended_.close();
    });
  }
  ~Service() {
    requests_.send(2);
    requests_.close();
    ended_.receive();
    std::printf("service ended with %d\n", sum_);
  }
  void add(int number) { requests_.send(number); }

 private:
  Channel<int> requests_{4};
  Channel<Unit> ended_{0};
  int sum_ = 0;
};

int way_destructor_uses_channels() {
  static Service service;
  service.add(40);
  return 0;
}

// ---- children of children ----------------------------------------------------------------------------------------

int way_double_fork() {
  std::fflush(nullptr);
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    if (fork() != 0) _exit(0);
    setsid();
    dprintf(ends[1], "grandchild at work\n");
    _exit(0);
  }
  close(ends[1]);
  std::array<char, 64> text{};
  const ssize_t bytes = read(ends[0], text.data(), text.size() - 1);  // the grandchild's end of it closes last
  waitpid(child, nullptr, 0);
  std::printf("%ld: %s", static_cast<long>(bytes), text.data());
  return 0;
}
int way_daemon() {
  std::fflush(nullptr);
  const pid_t child = fork();  // daemon() ends the process that calls it: whoever waits for us should not miss the rest
  if (child != 0) {
    int status = 0;
    waitpid(child, &status, 0);
    std::printf("daemon's parent: %d\n", status);
    return 0;
  }
  if (::daemon(1, 1) != 0) _exit(1);
  _exit(0);
}
int way_fexecve() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int echo = open("/bin/echo", O_RDONLY | O_CLOEXEC);
    std::array<char, 5> name{"echo"};
    std::array<char, 4> text{"fd!"};
    std::array<char*, 3> arguments{name.data(), text.data(), nullptr};
    fexecve(echo, arguments.data(), environ);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::printf("fexecve: %d\n", status);
  return 0;
}

// Its last handles go in a handler: they have kept nothing from ending before.
int way_quick_exit_drops_a_context() {
  struct Keeper {
    CancelContext made = with_cancel(background());
  };
  static Keeper* service = nullptr;
  service = new Keeper;
  std::at_quick_exit([] { delete service; });
  std::quick_exit(0);
}

constexpr Way kWays[] = {
    WAY(no_more_descriptors),
    WAY(no_more_memory),
    WAY(no_more_memory_among_locks),
    WAY(no_more_file_size),
    WAY(little_processor_time),
    WAY(not_dumpable),
    WAY(gives_up_root),
    WAY(another_root),
    WAY(sandbox),
    WAY(confined),
    WAY(confined_by_syscall),
    WAY(confined_threads),
    WAY(confined_a_little),
    WAY(strict_thread),
    WAY(smallest_stack),
    WAY(quick_exit_drops_a_context),
    WAY(all_of_the_smallest_stack),
    WAY(all_of_a_small_default_stack),
    WAY(recovers_from_segv),
    WAY(destructor_uses_channels),
    WAY(double_fork),
    WAY(daemon),
    WAY(fexecve),
};

}  // namespace

std::span<const Way> ways_in_surroundings() { return kWays; }

}  // namespace vigil::test
