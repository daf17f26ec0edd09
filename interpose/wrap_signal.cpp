// Wrappers of what sends signals, or has them sent, and of what waits for them. A handler goes on after all that was
// done before any signal was sent (signals.cpp), and so does who waits for one, or for the end of another process.
// Asynchronous operations are among them, for they end by a signal, a thread, or whoever asks: they also put into pipes
// and take out of them.
#include <aio.h>
#include <mqueue.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "interpose/descriptors.hpp"
#include "interpose/export.hpp"
#include "interpose/leaks/kernel_words.hpp"
#include "interpose/naps.hpp"
#include "interpose/real_function.hpp"
#include "interpose/threads.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

constinit Real<int(pthread_t, int)> real_pthread_kill("pthread_kill");
constinit Real<int(pthread_t, int, sigval)> real_pthread_sigqueue("pthread_sigqueue");
constinit Real<int(pid_t, int)> real_kill("kill");
constinit Real<int(pid_t, int)> real_killpg("killpg");
constinit Real<int(pid_t, pid_t, int)> real_tgkill("tgkill");
constinit Real<int(pid_t, int, sigval)> real_sigqueue("sigqueue");
constinit Real<unsigned(unsigned)> real_alarm("alarm");
constinit Real<useconds_t(useconds_t, useconds_t)> real_ualarm("ualarm");
constinit Real<int(int, const itimerval*, itimerval*)> real_setitimer("setitimer");
constinit Real<int(clockid_t, sigevent*, timer_t*)> real_timer_create("timer_create");
constinit Real<int(timer_t, int, const itimerspec*, itimerspec*)> real_timer_settime("timer_settime");
constinit Real<int(mqd_t, const sigevent*)> real_mq_notify("mq_notify");
constinit Real<int(aiocb*)> real_aio_read("aio_read");
constinit Real<int(aiocb*)> real_aio_write("aio_write");
constinit Real<int(int, aiocb*)> real_aio_fsync("aio_fsync");
constinit Real<int(int, aiocb* const*, int, sigevent*)> real_lio_listio("lio_listio");
constinit Real<int(aiocb64*)> real_aio_read64("aio_read64");
constinit Real<int(aiocb64*)> real_aio_write64("aio_write64");
constinit Real<int(int, aiocb64*)> real_aio_fsync64("aio_fsync64");
constinit Real<int(int, aiocb64* const*, int, sigevent*)> real_lio_listio64("lio_listio64");
constinit Real<int(const aiocb*)> real_aio_error("aio_error");
constinit Real<ssize_t(aiocb*)> real_aio_return("aio_return");
constinit Real<int(const aiocb64*)> real_aio_error64("aio_error64");
constinit Real<ssize_t(aiocb64*)> real_aio_return64("aio_return64");
constinit Real<int(const aiocb* const*, int, const timespec*)> real_aio_suspend("aio_suspend");
constinit Real<int(const aiocb64* const*, int, const timespec*)> real_aio_suspend64("aio_suspend64");
constinit Real<int(int, gaicb**, int, sigevent*)> real_getaddrinfo_a("getaddrinfo_a");
constinit Real<int(const sigset_t*, int*)> real_sigwait("sigwait");
constinit Real<int(const sigset_t*, siginfo_t*)> real_sigwaitinfo("sigwaitinfo");
constinit Real<int(const sigset_t*, siginfo_t*, const timespec*)> real_sigtimedwait("sigtimedwait");
constinit Real<pid_t(int*)> real_wait("wait");
constinit Real<pid_t(pid_t, int*, int)> real_waitpid("waitpid");
constinit Real<int(idtype_t, id_t, siginfo_t*, int)> real_waitid("waitid");
constinit Real<pid_t(int*, int, rusage*)> real_wait3("wait3");
constinit Real<pid_t(pid_t, int*, int, rusage*)> real_wait4("wait4");

// event: of what is armed, where that is known.
void announces(const sigevent* event) noexcept {
  if (!inside_shim) {
    const bool starts_threads = event != nullptr && event->sigev_notify == SIGEV_THREAD;
    record([&] {
      if (starts_threads) become_concurrent();
      unseen_threads_follow();
    });
  }
  sent_signals::sent();
}

// An operation that libc does on a thread of its own. What it puts into a pipe or a socket is handed on by it, and who
// sees that one is over goes on after who put in what it took out.
template <class Operation>
void begins(const Operation* wanted, bool writes) noexcept {
  announces(&wanted->aio_sigevent);
  if (writes) descriptors::gives(wanted->aio_fildes);
}
template <class Operation>
void begin_all(Operation* const* wanted, int count, const sigevent* event) noexcept {
  announces(event);
  for (int i = 0; i < count; ++i) {
    if (wanted[i] != nullptr) begins(wanted[i], wanted[i]->aio_lio_opcode == LIO_WRITE);
  }
}
template <class Operation, class Result>
Result is_over(const Operation* wanted, bool over, Result result) noexcept {
  if (over) descriptors::takes(wanted->aio_fildes);
  return result;
}
template <class Operation, class Error>
int are_over(Operation* const* wanted, int count, Error& error_of, int result) noexcept {
  for (int i = 0; i < count; ++i) {
    if (wanted[i] != nullptr) is_over(wanted[i], error_of(wanted[i]) == 0, 0);
  }
  return result;
}

template <class Result>
Result got_if(bool any, Result result) noexcept {
  if (any) sent_signals::got();
  return result;
}
template <class Result>
Result ended_if(bool any, Result result) noexcept {
  if (any) descriptors::child_ended();
  return got_if(any, result);
}

}  // namespace

// ---- sent ----------------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT int pthread_kill(pthread_t thread, int signal_number) noexcept {
  sent_signals::sent();
  return real_pthread_kill(thread, signal_number);
}
extern "C" VIGIL_EXPORT int pthread_sigqueue(pthread_t thread, int signal_number, const sigval value) noexcept {
  sent_signals::sent();
  return real_pthread_sigqueue(thread, signal_number, value);
}
extern "C" VIGIL_EXPORT int kill(pid_t process, int signal_number) noexcept {
  sent_signals::sent();
  return real_kill(process, signal_number);
}
extern "C" VIGIL_EXPORT int killpg(pid_t group, int signal_number) noexcept {
  sent_signals::sent();
  return real_killpg(group, signal_number);
}
extern "C" VIGIL_EXPORT int tgkill(pid_t process, pid_t thread, int signal_number) {
  sent_signals::sent();
  return real_tgkill(process, thread, signal_number);
}
extern "C" VIGIL_EXPORT int sigqueue(pid_t process, int signal_number, const sigval value) noexcept {
  sent_signals::sent();
  return real_sigqueue(process, signal_number, value);
}
extern "C" VIGIL_EXPORT unsigned alarm(unsigned seconds) noexcept {
  sent_signals::sent();
  return real_alarm(seconds);
}
extern "C" VIGIL_EXPORT useconds_t ualarm(useconds_t first, useconds_t each) noexcept {
  sent_signals::sent();
  return real_ualarm(first, each);
}
extern "C" VIGIL_EXPORT int setitimer(__itimer_which_t which, const itimerval* when, itimerval* before) noexcept {
  sent_signals::sent();
  return real_setitimer(static_cast<int>(which), when, before);
}

// A timer, a message queue, an operation on a file and a look for a name send a signal, or start a thread.
extern "C" VIGIL_EXPORT int timer_create(clockid_t clock, sigevent* event, timer_t* timer) noexcept {
  announces(event);
  leaks::posix_timer_made();
  return real_timer_create(clock, event, timer);
}
extern "C" VIGIL_EXPORT int timer_settime(timer_t timer, int flags, const itimerspec* when,
                                          itimerspec* before) noexcept {
  announces(nullptr);
  return real_timer_settime(timer, flags, when, before);
}
extern "C" VIGIL_EXPORT int mq_notify(mqd_t queue, const sigevent* event) noexcept {
  announces(event);
  if (event != nullptr) sent_signals::queue_tells();
  return real_mq_notify(queue, event);
}
extern "C" VIGIL_EXPORT int aio_read(aiocb* wanted) noexcept {
  begins(wanted, false);
  return real_aio_read(wanted);
}
extern "C" VIGIL_EXPORT int aio_write(aiocb* wanted) noexcept {
  begins(wanted, true);
  return real_aio_write(wanted);
}
extern "C" VIGIL_EXPORT int aio_fsync(int operation, aiocb* wanted) noexcept {
  begins(wanted, false);
  return real_aio_fsync(operation, wanted);
}
extern "C" VIGIL_EXPORT int lio_listio(int mode, aiocb* const* wanted, int count, sigevent* event) noexcept {
  begin_all(wanted, count, event);
  const int rc = real_lio_listio(mode, wanted, count, event);
  return mode == LIO_WAIT && rc == 0 ? are_over(wanted, count, real_aio_error, rc) : rc;
}
extern "C" VIGIL_EXPORT int aio_error(const aiocb* wanted) noexcept {
  const int error = real_aio_error(wanted);
  return is_over(wanted, error == 0, error);
}
extern "C" VIGIL_EXPORT ssize_t aio_return(aiocb* wanted) noexcept {
  const ssize_t bytes = real_aio_return(wanted);
  return is_over(wanted, bytes >= 0, bytes);
}
extern "C" VIGIL_EXPORT int aio_suspend(const aiocb* const wanted[], int count, const timespec* timeout) {
  const Nap nap;
  const int rc = real_aio_suspend(wanted, count, timeout);
  return rc == 0 ? are_over(wanted, count, real_aio_error, rc) : rc;
}
// The same where files are large.
extern "C" VIGIL_EXPORT int aio_read64(aiocb64* wanted) noexcept {
  begins(wanted, false);
  return real_aio_read64(wanted);
}
extern "C" VIGIL_EXPORT int aio_write64(aiocb64* wanted) noexcept {
  begins(wanted, true);
  return real_aio_write64(wanted);
}
extern "C" VIGIL_EXPORT int aio_fsync64(int operation, aiocb64* wanted) noexcept {
  begins(wanted, false);
  return real_aio_fsync64(operation, wanted);
}
extern "C" VIGIL_EXPORT int lio_listio64(int mode, aiocb64* const* wanted, int count, sigevent* event) noexcept {
  begin_all(wanted, count, event);
  const int rc = real_lio_listio64(mode, wanted, count, event);
  return mode == LIO_WAIT && rc == 0 ? are_over(wanted, count, real_aio_error64, rc) : rc;
}
extern "C" VIGIL_EXPORT int aio_error64(const aiocb64* wanted) noexcept {
  const int error = real_aio_error64(wanted);
  return is_over(wanted, error == 0, error);
}
extern "C" VIGIL_EXPORT ssize_t aio_return64(aiocb64* wanted) noexcept {
  const ssize_t bytes = real_aio_return64(wanted);
  return is_over(wanted, bytes >= 0, bytes);
}
extern "C" VIGIL_EXPORT int aio_suspend64(const aiocb64* const wanted[], int count, const timespec* timeout) {
  const Nap nap;
  const int rc = real_aio_suspend64(wanted, count, timeout);
  return rc == 0 ? are_over(wanted, count, real_aio_error64, rc) : rc;
}

// Not noexcept: libc's header has it without.
extern "C" VIGIL_EXPORT int getaddrinfo_a(int mode, gaicb** wanted, int count, sigevent* event) {
  announces(event);
  return real_getaddrinfo_a(mode, wanted, count, event);
}

// ---- waited for ----------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT int sigwait(const sigset_t* wanted, int* taken) {
  const Nap nap;
  const int rc = real_sigwait(wanted, taken);
  return got_if(rc == 0, rc);
}
extern "C" VIGIL_EXPORT int sigwaitinfo(const sigset_t* wanted, siginfo_t* taken) {
  const Nap nap;
  const int rc = real_sigwaitinfo(wanted, taken);
  return got_if(rc > 0, rc);
}
extern "C" VIGIL_EXPORT int sigtimedwait(const sigset_t* wanted, siginfo_t* taken, const timespec* timeout) {
  const Nap nap;
  const int rc = real_sigtimedwait(wanted, taken, timeout);
  return got_if(rc > 0, rc);
}

// A process that ended may have been told to, by a signal or by the end of what it reads.
extern "C" VIGIL_EXPORT pid_t wait(int* status) {
  const Nap nap;
  const pid_t ended = real_wait(status);
  return ended_if(ended > 0, ended);
}
extern "C" VIGIL_EXPORT pid_t waitpid(pid_t process, int* status, int options) {
  const Nap nap;
  const pid_t ended = real_waitpid(process, status, options);
  return ended_if(ended > 0, ended);
}
extern "C" VIGIL_EXPORT int waitid(idtype_t which, id_t process, siginfo_t* told, int options) {
  const Nap nap;
  const int rc = real_waitid(which, process, told, options);
  return ended_if(rc == 0, rc);
}
extern "C" VIGIL_EXPORT pid_t wait3(int* status, int options, rusage* used) noexcept {
  const Nap nap;
  const pid_t ended = real_wait3(status, options, used);
  return ended_if(ended > 0, ended);
}
extern "C" VIGIL_EXPORT pid_t wait4(pid_t process, int* status, int options, rusage* used) noexcept {
  const Nap nap;
  const pid_t ended = real_wait4(process, status, options, used);
  return ended_if(ended > 0, ended);
}
