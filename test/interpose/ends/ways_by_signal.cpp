// Signals that end a program, that it ignores and that it handles.
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "test/interpose/ends/way.hpp"

namespace vigil::test {
namespace {

const char* name_of(sighandler_t handler) {
  if (handler == SIG_DFL) return "default";
  if (handler == SIG_IGN) return "ignored";
  if (handler == SIG_ERR) return "error";
  return "handler";
}

int way_segv() {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
  return 0;
}
int way_segv_sent() { return die_of(SIGSEGV); }
// NOLINTNEXTLINE(misc-no-recursion): what it is about
int deeper(int depth) {
  volatile char room[1024];
  room[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : deeper(depth + 1) + room[0];
}
int way_overflow() { return deeper(0); }
// After more threads than have an alternate stack at a time, one after the other.
int way_overflow_in_thread() {
  constexpr int kBefore = 200;
  for (int i = 0; i < kBefore; ++i) std::thread([] {}).join();
  std::thread([] { deeper(0); }).join();
  return 1;
}
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
  // It ends the process: what the test is about. NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
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

constexpr Way kWays[] = {
    WAY(segv),
    WAY(segv_sent),
    WAY(overflow),
    WAY(overflow_in_thread),
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
};

}  // namespace

int die_of(int signal_number) {
  raise(signal_number);
  std::puts("still here");
  return 1;
}

void show(const char* what, int signal_number) {
  struct sigaction now {};
  sigaction(signal_number, nullptr, &now);
  std::printf("%s %d: %s flags %x mask %d\n", what, signal_number, name_of(now.sa_handler),
              static_cast<unsigned>(now.sa_flags) & ~0x04000000U, sigismember(&now.sa_mask, SIGUSR2));
}

std::span<const Way> ways_by_signal() { return kWays; }

}  // namespace vigil::test
