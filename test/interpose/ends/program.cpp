// One program, many ways out: `program WAY [finding]`. The driver (ends_test.py) runs each with and without the shim
// and compares. With `finding`, it first does one thing that vigil must report: closes a nil channel.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vigil/vigil.hpp>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

extern char** environ;

namespace {

struct SaysGoodbye {
  ~SaysGoodbye() { std::puts("static destructor"); }
} says_goodbye;

char* self_path = nullptr;

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  std::printf("child: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return 0;
}

int die_of(int signal_number) {
  raise(signal_number);
  std::puts("still here");
  return 1;
}

const char* name_of(sighandler_t handler) {
  if (handler == SIG_DFL) return "default";
  if (handler == SIG_IGN) return "ignored";
  if (handler == SIG_ERR) return "error";
  return "handler";
}

void show(const char* what, int signal_number) {
  struct sigaction now {};
  sigaction(signal_number, nullptr, &now);
  std::printf("%s %d: %s flags %x mask %d\n", what, signal_number, name_of(now.sa_handler),
              static_cast<unsigned>(now.sa_flags) & ~0x04000000U, sigismember(&now.sa_mask, SIGUSR2));
}

volatile sig_atomic_t handled = 0;
void count_it(int /*signal*/) { handled = handled + 1; }

// ---- plain ends ----

int way_return() { return 0; }
int way_return_3() { return 3; }
int way_exit() { std::exit(0); }
int way_exit_in_atexit() {
  std::atexit([] {
    std::puts("atexit");
    std::exit(5);
  });
  return 0;
}
int way__exit() {
  std::fflush(nullptr);
  _exit(0);
}
int way__Exit() {
  std::fflush(nullptr);
  std::_Exit(4);
}
int way_quick_exit() {
  std::at_quick_exit([] { std::puts("at_quick_exit"), std::fflush(nullptr); });
  std::quick_exit(0);
}
int way_quick_exit_9() { std::quick_exit(9); }
int way_abort() { std::abort(); }
int way_abort_ignored() {
  signal(SIGABRT, SIG_IGN);
  std::abort();
}
int way_abort_handler_returns() {
  signal(SIGABRT, count_it);
  std::abort();
}
int way_throw() { throw std::runtime_error("nobody catches this"); }
int way_exit_from_thread() {
  std::thread([] { std::exit(0); }).detach();
  while (true) pause();
}
int way_main_thread_leaves() {
  std::thread([] { std::puts("last thread"); }).detach();
  pthread_exit(nullptr);
}
int way_unread_input() {
  char line[64];
  if (std::fgets(line, sizeof line, stdin) != nullptr) std::printf("read %s", line);
  return 0;  // exit gives the rest of a seekable input back
}
int way_unflushed() {
  std::printf("no newline at the end");
  return 0;
}

// ---- signals ----

int way_segv() {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
  return 0;
}
int way_segv_sent() { return die_of(SIGSEGV); }
int way_bus() {
  const int fd = memfd_create("empty", 0);
  auto* const page = static_cast<volatile char*>(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0));
  return page[0];
}
int way_fpe() {
  volatile int zero = 0;
  return 10 / zero;
}
int way_ill() { __builtin_trap(); }
int way_trap() {
  asm volatile("int3");
  return 1;
}
int way_sys() { return die_of(SIGSYS); }
int way_term() { return die_of(SIGTERM); }
int way_int() { return die_of(SIGINT); }
int way_hup() { return die_of(SIGHUP); }
int way_pipe() { return die_of(SIGPIPE); }
int way_alarm() { return die_of(SIGALRM); }
int way_usr1() { return die_of(SIGUSR1); }
int way_rt() { return die_of(SIGRTMIN + 3); }
int way_kill() { return die_of(SIGKILL); }
int way_quit() {
  raise(SIGQUIT);
  // With a runtime SIGQUIT tells the tasks and goes on; the service thread may take a moment.
  return 0;
}
int way_term_in_thread() {
  std::thread([] { pthread_kill(pthread_self(), SIGTERM); }).join();
  return 1;
}
int way_ignored_signals() {
  for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) {
    signal(one, SIG_IGN);
    raise(one);
  }
  std::puts("unmoved");
  return 0;
}
int way_own_handlers() {
  for (const int one : {SIGSEGV, SIGTERM, SIGCHLD, SIGUSR1}) {
    show("at the start", one);
    struct sigaction wanted {};
    wanted.sa_handler = count_it;
    wanted.sa_flags = SA_RESTART;
    sigaddset(&wanted.sa_mask, SIGUSR2);
    struct sigaction old {};
    sigaction(one, &wanted, &old);
    std::printf("before: %s\n", name_of(old.sa_handler));
    show("with a handler", one);
    raise(one);
    wanted.sa_handler = SIG_DFL;
    sigaction(one, &wanted, &old);
    std::printf("before: %s\n", name_of(old.sa_handler));
    show("default again", one);
    std::printf("signal: %s %s %s\n", name_of(signal(one, count_it)), name_of(signal(one, SIG_IGN)),
                name_of(signal(one, SIG_DFL)));
    show("after signal", one);
    std::printf("sysv: %s %s\n", name_of(__sysv_signal(one, count_it)), name_of(__sysv_signal(one, SIG_DFL)));
  }
  std::printf("handled %d\n", static_cast<int>(handled));
  return 0;
}
int way_one_shot() {
  struct sigaction wanted {};
  wanted.sa_handler = count_it;
  wanted.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGTERM, &wanted, nullptr);
  show("one shot", SIGTERM);
  raise(SIGTERM);
  std::printf("handled %d\n", static_cast<int>(handled));
  show("spent", SIGTERM);
  std::fflush(nullptr);
  return die_of(SIGTERM);
}
int way_handler_exits() {
  signal(SIGTERM, [](int) { _exit(7); });
  return die_of(SIGTERM);
}
int way_handler_resignals() {
  // What crash handlers do: tell, put the default back, raise again.
  signal(SIGSEGV, [](int one) {
    const char text[] = "crash handler\n";
    if (write(1, text, sizeof text - 1) < 0) _exit(9);
    signal(one, SIG_DFL);
    raise(one);
  });
  return way_segv();
}

// ---- children ----

int way_fork_exit() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) std::exit(0);
  return wait_for(child);
}
int way_fork__exit() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) _exit(2);
  return wait_for(child);
}
int way_fork_term() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) die_of(SIGTERM);
  return wait_for(child);
}
int way_fork_works() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    // Locks, memory and threads of its own: nothing of the parent's may be in the way.
    std::string text;
    for (int i = 0; i < 1000; ++i) text += std::to_string(i);
    std::thread([&] { text += "!"; }).join();
    std::printf("child made %zu characters\n", text.size());
    std::exit(0);
  }
  return wait_for(child);
}
int way_raw_fork() {
  std::fflush(nullptr);
  const auto child = static_cast<pid_t>(syscall(SYS_fork));
  if (child == 0) _exit(0);
  return wait_for(child);
}
int way_fork_exec() {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/echo", "echo", "from the child", static_cast<char*>(nullptr));
    _exit(127);
  }
  return wait_for(child);
}
int way_vfork_exec() {
  std::fflush(nullptr);
  const pid_t child = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): what the test is about
  if (child == 0) {
    execlp("echo", "echo", "from the child", static_cast<char*>(nullptr));
    _exit(127);
  }
  return wait_for(child);
}
int way_vfork__exit() {
  std::fflush(nullptr);
  const pid_t child = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): what the test is about
  if (child == 0) _exit(6);
  return wait_for(child);
}
int way_spawn() {
  std::fflush(nullptr);
  pid_t child = 0;
  char name[] = "echo";
  char text[] = "spawned";
  char* const arguments[] = {name, text, nullptr};
  if (posix_spawnp(&child, "echo", nullptr, nullptr, arguments, environ) != 0) return 1;
  return wait_for(child);
}
int way_system() {
  std::fflush(nullptr);
  const int status = std::system("echo from the shell; exit 3");
  std::printf("status %d\n", WEXITSTATUS(status));
  return 0;
}
int way_popen() {
  FILE* const pipe = popen("echo one; echo two", "r");
  char line[64];
  while (pipe != nullptr && std::fgets(line, sizeof line, pipe) != nullptr) std::printf("got %s", line);
  return pipe == nullptr ? 1 : pclose(pipe);
}
int way_child_inherits_defaults() {
  // An ignored signal stays ignored over exec, a handled one becomes the default, ours as anybody's.
  signal(SIGHUP, SIG_IGN);
  signal(SIGUSR1, count_it);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execl(self_path, self_path, "shows_dispositions", static_cast<char*>(nullptr));
    _exit(127);
  }
  return wait_for(child);
}
int way_shows_dispositions() {
  for (const int one : {SIGHUP, SIGUSR1, SIGTERM}) show("inherited", one);
  return 0;
}
int way_no_sigchld() {
  signal(SIGCHLD, count_it);
  std::atexit([] { std::printf("children heard of: %d\n", static_cast<int>(handled)); });
  return 0;
}

// ---- exec ----

int way_execl() {
  std::fflush(nullptr);
  execl("/bin/echo", "echo", "a", "b", static_cast<char*>(nullptr));
  return 1;
}
int way_execle() {
  std::fflush(nullptr);
  const char* environment[] = {"X=1", nullptr};
  execle("/usr/bin/env", "env", static_cast<char*>(nullptr), environment);
  return 1;
}
int way_execvp_fails() {
  char name[] = "no-such-program-anywhere";
  char* const arguments[] = {name, nullptr};
  execvp(name, arguments);
  std::printf("exec failed: %d\n", errno);
  return 0;
}
int way_exec_itself() {
  std::fflush(nullptr);
  execl(self_path, self_path, "return", static_cast<char*>(nullptr));
  return 1;
}

// ---- descriptors, folders, limits ----

int way_closefrom() {
  close_range(3, ~0U, 0);
  return 0;
}
int way_closes_everything() {
  std::fflush(nullptr);
  close_range(0, ~0U, 0);
  return 0;
}
int way_data_file_as_stderr() {
  // A descriptor that the program closed is the program's: the file it opens there holds what the program writes.
  close(2);
  const int fd = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
  std::printf("descriptor %d\n", fd);
  return 0;
}
int way_broken_pipe_as_stderr() {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  dup2(ends[1], 2);
  close(ends[0]);
  close(ends[1]);
  return 0;
}
int way_chdir_gone() {
  if (mkdir("going", 0700) != 0 || chdir("going") != 0 || rmdir("../going") != 0) return 1;
  return 0;
}
int way_lowest_descriptors() {
  std::printf("%d\n", open("/dev/null", O_RDONLY));
  return 0;
}
int way_hang() {
  std::puts("hanging");
  while (true) pause();
}
int way_hang_after_telling() {
  std::puts("ready");
  std::fflush(nullptr);
  while (true) pause();
}
int way_clears_environment() {
  clearenv();
  return 0;
}

struct Way {
  std::string_view name;
  int (*go)();
};

#define WAY(name) \
  { #name, way_##name }  // a table of forty functions by their own names
constexpr Way kWays[] = {
    WAY(return ),
    WAY(return_3),
    WAY(exit),
    WAY(exit_in_atexit),
    WAY(_exit),
    WAY(_Exit),
    WAY(quick_exit),
    WAY(quick_exit_9),
    WAY(abort),
    WAY(abort_ignored),
    WAY(abort_handler_returns),
    WAY(throw),
    WAY(exit_from_thread),
    WAY(main_thread_leaves),
    WAY(unread_input),
    WAY(unflushed),
    WAY(segv),
    WAY(segv_sent),
    WAY(bus),
    WAY(fpe),
    WAY(ill),
    WAY(trap),
    WAY(sys),
    WAY(term),
    WAY(int),
    WAY(hup),
    WAY(pipe),
    WAY(alarm),
    WAY(usr1),
    WAY(rt),
    WAY(kill),
    WAY(quit),
    WAY(term_in_thread),
    WAY(ignored_signals),
    WAY(own_handlers),
    WAY(one_shot),
    WAY(handler_exits),
    WAY(handler_resignals),
    WAY(fork_exit),
    WAY(fork__exit),
    WAY(fork_term),
    WAY(fork_works),
    WAY(raw_fork),
    WAY(fork_exec),
    WAY(vfork_exec),
    WAY(vfork__exit),
    WAY(spawn),
    WAY(system),
    WAY(popen),
    WAY(child_inherits_defaults),
    WAY(shows_dispositions),
    WAY(no_sigchld),
    WAY(execl),
    WAY(execle),
    WAY(execvp_fails),
    WAY(exec_itself),
    WAY(closefrom),
    WAY(closes_everything),
    WAY(data_file_as_stderr),
    WAY(broken_pipe_as_stderr),
    WAY(chdir_gone),
    WAY(lowest_descriptors),
    WAY(clears_environment),
    {"hang", way_hang},
    {"hang_after_telling", way_hang_after_telling},
};
#undef WAY

void make_a_finding() {
  try {
    const vigil::Channel<int> nil;
    nil.close();
  } catch (const vigil::Panic&) {
    std::puts("caught");
  }
}

// Pairs of tasks that never rest, a thread that allocates and locks, and tasks that sleep: the end comes into all of
// it.
void keep_busy() {
  static std::mutex* const lock = new std::mutex;
  for (int i = 0; i < 4; ++i) {
    const vigil::Channel<int> there(0);
    const vigil::Channel<int> back(1);
    vigil::go([=] {
      while (there.receive()) back.send(1);
    });
    vigil::go([=] {
      while (true) {
        there.send(1);
        back.receive();
      }
    });
  }
  vigil::go([] {
    while (true) vigil::sleep_for(std::chrono::milliseconds(1));
  });
  std::thread([] {
    while (true) {
      const std::scoped_lock held(*lock);
      delete new std::string(100, 'x');
    }
  }).detach();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  self_path = arguments[0];
  const bool with_finding = count > 2 && std::string_view(arguments[2]) == "finding";
  if (with_finding) make_a_finding();
  if (std::string_view(arguments[count - 1]) == "busy") keep_busy();
  std::puts("begin");
  for (const Way& way : kWays) {
    if (way.name == arguments[1]) return way.go();
  }
  return 2;
}
