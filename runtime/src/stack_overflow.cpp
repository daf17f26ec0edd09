#include "runtime/src/stack_overflow.hpp"

#include <atomic>
#include <csignal>

#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "runtime/src/fatal.hpp"
#include "runtime/src/scheduler.hpp"

namespace vigil::detail {
namespace {

// A handler chained behind ours may unwind and write a report here.
constexpr std::size_t kHandlerStackBytes = std::size_t{256} * 1024;

struct sigaction before_segv;  // written once, before the handler can run
struct sigaction before_bus;

void tell(const Task& task) noexcept {
  Line()
      .text("vigil: task ")
      .number(task.probe.id)
      .text(" overflowed its stack of ")
      .number(kStackBytes / 1024)
      .text(" KiB (deep recursion, or a large local variable)")
      .write_to_stderr();
}

void set_default(int signal) noexcept {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
}

// Does what would have happened without our handler.
void pass_on(int signal, siginfo_t* info, void* context, const struct sigaction& before) noexcept {
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, info, context);
    return;
  }
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
    return;
  }
  const bool sent_by_somebody = info->si_code <= 0;
  if (sent_by_somebody && before.sa_handler == SIG_IGN) return;
  set_default(signal);
  if (sent_by_somebody) ::raise(signal);  // taken when this handler returns; a true fault simply happens again
}

void on_fault(int signal, siginfo_t* info, void* context) noexcept {
  if (info->si_code > 0) {
    if (const Task* const task = scheduler().stacks.owner_of_guard(reinterpret_cast<std::uintptr_t>(info->si_addr)))
      tell(*task);
  }
  pass_on(signal, info, context, signal == SIGBUS ? before_bus : before_segv);
}

void install_handler() noexcept {
  struct sigaction ours {};
  ours.sa_sigaction = on_fault;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  ::sigaction(SIGSEGV, nullptr, &before_segv);
  ::sigaction(SIGBUS, nullptr, &before_bus);
  ::sigaction(SIGSEGV, &ours, nullptr);
  ::sigaction(SIGBUS, &ours, nullptr);
}

}  // namespace

ThreadStack prepare_thread_for_overflow() noexcept {
  void* const memory =
      ::mmap(nullptr, kHandlerStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory != MAP_FAILED) {
    stack_t handler_stack{};
    handler_stack.ss_sp = memory;
    handler_stack.ss_size = kHandlerStackBytes;
    ::sigaltstack(&handler_stack, nullptr);
  }
  static const bool installed = (install_handler(), true);
  static_cast<void>(installed);

  ThreadStack stack;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    void* low = nullptr;
    pthread_attr_getstack(&attributes, &low, &stack.bytes);
    pthread_attr_destroy(&attributes);
    stack.low = low;
  }
  return stack;
}

void die_of_overflow(const Task& task) noexcept {
  tell(task);
  set_default(SIGSEGV);
  ::raise(SIGSEGV);
  fatal("a stack overflow could not end the program");
}

}  // namespace vigil::detail
