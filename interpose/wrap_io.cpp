// Wrappers of what hands bytes from one thread to another: pipes, sockets, event descriptors, epoll. Whoever reads what
// another wrote goes on after it, and so does who was told that there is something to read. Beside them flock(), and
// signals that are sent and waited for.
//
// Both ends of a pipe have one inode. Which two sockets are connected is not known, so all sockets are one object; any
// other descriptor without a name (an eventfd, an epoll) is known by its number. Too much order hides a race, too
// little makes one up. Files, terminals and devices order nothing.
//
// Those that may sleep for something to come save the caller's registers where a search of memory sees them (naps.hpp).
// Most are cancellation points and so not noexcept, and may be called by signal handlers: record() turns away a handler
// that has interrupted the shim.
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <utility>

#include "interpose/export.hpp"
#include "interpose/leaks/kernel_words.hpp"
#include "interpose/naps.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/sync_events.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

// Found when first needed, before the first call. relaxed: every thread finds the same.
template <class Function>
class Real {
 public:
  explicit constexpr Real(const char* name) noexcept : name_(name) {}
  template <class... Arguments>
  auto operator()(Arguments... arguments) {
    Function* found = place_.load(std::memory_order_relaxed);
    if (found == nullptr) {
      found = find_real_as<Function>(name_);
      place_.store(found, std::memory_order_relaxed);
    }
    return found(arguments...);
  }

 private:
  const char* name_;
  std::atomic<Function*> place_{nullptr};
};

// What stands for whatever the descriptor is an end of: no address that anything can have. Null: it orders nothing.
const void* channel_of(int file) noexcept {
  constexpr std::uintptr_t kPipes = std::uintptr_t{1} << 62U;
  constexpr std::uintptr_t kMostPipes = 0xffff;  // told apart: a program may make them without end
  constexpr std::uintptr_t kSockets = std::uintptr_t{1} << 61U;
  constexpr std::uintptr_t kNumbers = std::uintptr_t{1} << 60U;
  struct stat status;
  const int before = errno;
  const bool known = ::fstat(file, &status) == 0;
  errno = before;
  if (!known) return nullptr;
  std::uintptr_t number = 0;
  if (S_ISFIFO(status.st_mode)) {
    number = kPipes | (status.st_ino & kMostPipes) << 3U;
  } else if (S_ISSOCK(status.st_mode)) {
    number = kSockets;
  } else if ((status.st_mode & S_IFMT) == 0) {
    number = kNumbers | static_cast<std::uintptr_t>(file) << 3U;
  }
  return reinterpret_cast<const void*>(number);  // NOLINT(performance-no-int-to-ptr): a name, not a place
}

bool matters() noexcept { return sync_events::watching() && order::needs(order::Edge::Firm) != 0; }

// Before something is sent, or an end is closed.
void gives(int file) noexcept {
  if (!matters()) return;
  if (const void* const channel = channel_of(file)) sync_events::released(channel);
}

// After something was received, the end of it all included. Returns `got`.
template <class Count>
Count takes(int file, Count got) noexcept {
  if (got < 0 || !matters()) return got;
  if (const void* const channel = channel_of(file)) sync_events::acquired(channel);
  return got;
}

// What stands for the lock that flock() takes on a file: its number, whoever opened it. Null: there is no such file.
const void* lock_of(int file) noexcept {
  constexpr std::uintptr_t kLocks = std::uintptr_t{1} << 59U;
  constexpr std::uintptr_t kMostFiles = 0xffffffff;
  struct stat status;
  const int before = errno;
  const bool known = ::fstat(file, &status) == 0;
  errno = before;
  if (!known) return nullptr;
  return reinterpret_cast<const void*>(kLocks | (status.st_ino & kMostFiles) << 3U);  // NOLINT: a name, not a place
}
// relaxed: who locked a file and closes it has seen its own call; another's close gives back no lock of his.
constinit std::atomic<bool> files_are_locked{false};

// All signals are one object: which of several was taken is not known.
const void* signals() noexcept {
  return reinterpret_cast<const void*>(std::uintptr_t{1} << 58U);  // NOLINT: a name, not a place
}
void sends_signal() noexcept {
  if (matters()) sync_events::released(signals());
}
// event: of what is armed, where that is known.
void announces(const sigevent* event) noexcept {
  if (!inside_shim) {
    const bool starts_threads = event != nullptr && event->sigev_notify == SIGEV_THREAD;
    record([&] {
      if (starts_threads) become_concurrent();
      unseen_threads_follow();
    });
  }
  sends_signal();
}
void got_signal() noexcept {
  if (matters()) sync_events::acquired(signals());
}

// Whoever is told that a descriptor is ready.
int takes_ready(const pollfd* files, nfds_t count, int ready) noexcept {
  if (ready <= 0 || !matters()) return ready;
  for (nfds_t i = 0; i < count; ++i) {
    if (files[i].revents != 0) takes(files[i].fd, 0);
  }
  return ready;
}
int takes_ready(int end, const fd_set* readable, const fd_set* special, int ready) noexcept {
  if (ready <= 0 || !matters()) return ready;
  for (int file = 0; file < end; ++file) {
    if ((readable != nullptr && FD_ISSET(file, readable)) || (special != nullptr && FD_ISSET(file, special))) {
      takes(file, 0);
    }
  }
  return ready;
}

constinit Real<ssize_t(int, void*, std::size_t)> real_read("read");
constinit Real<ssize_t(int, const iovec*, int)> real_readv("readv");
constinit Real<ssize_t(int, const void*, std::size_t)> real_write("write");
constinit Real<ssize_t(int, const iovec*, int)> real_writev("writev");
constinit Real<decltype(::recv)> real_recv("recv");
constinit Real<decltype(::recvfrom)> real_recvfrom("recvfrom");
constinit Real<decltype(::recvmsg)> real_recvmsg("recvmsg");
constinit Real<decltype(::recvmmsg)> real_recvmmsg("recvmmsg");
constinit Real<decltype(::send)> real_send("send");
constinit Real<decltype(::sendto)> real_sendto("sendto");
constinit Real<decltype(::sendmsg)> real_sendmsg("sendmsg");
constinit Real<decltype(::sendmmsg)> real_sendmmsg("sendmmsg");
constinit Real<int(int, int)> real_shutdown("shutdown");
constinit Real<decltype(::connect)> real_connect("connect");
constinit Real<decltype(::accept)> real_accept("accept");
constinit Real<decltype(::accept4)> real_accept4("accept4");
constinit Real<int(int)> real_close("close");
constinit Real<int(int, eventfd_t*)> real_eventfd_read("eventfd_read");
constinit Real<int(int, eventfd_t)> real_eventfd_write("eventfd_write");
constinit Real<int(int, int, int, epoll_event*)> real_epoll_ctl("epoll_ctl");
constinit Real<int(int, epoll_event*, int, int)> real_epoll_wait("epoll_wait");
constinit Real<int(int, epoll_event*, int, int, const sigset_t*)> real_epoll_pwait("epoll_pwait");
constinit Real<int(pollfd*, nfds_t, int)> real_poll("poll");
constinit Real<int(pollfd*, nfds_t, const timespec*, const sigset_t*)> real_ppoll("ppoll");
constinit Real<int(int, fd_set*, fd_set*, fd_set*, timeval*)> real_select("select");
constinit Real<int(int, fd_set*, fd_set*, fd_set*, const timespec*, const sigset_t*)> real_pselect("pselect");
constinit Real<int(pollfd*, nfds_t, int, std::size_t)> real_poll_chk("__poll_chk");
constinit Real<int(int, int)> real_flock("flock");
constinit Real<int(pthread_t, int)> real_pthread_kill("pthread_kill");
constinit Real<int(pid_t, int)> real_kill("kill");
constinit Real<int(pid_t, int, sigval)> real_sigqueue("sigqueue");
constinit Real<int(clockid_t, sigevent*, timer_t*)> real_timer_create("timer_create");
constinit Real<int(timer_t, int, const itimerspec*, itimerspec*)> real_timer_settime("timer_settime");
constinit Real<int(mqd_t, const sigevent*)> real_mq_notify("mq_notify");
constinit Real<int(const sigset_t*, int*)> real_sigwait("sigwait");
constinit Real<int(const sigset_t*, siginfo_t*)> real_sigwaitinfo("sigwaitinfo");
constinit Real<int(const sigset_t*, siginfo_t*, const timespec*)> real_sigtimedwait("sigtimedwait");
constinit Real<ssize_t(int, void*, std::size_t, std::size_t)> real_read_chk("__read_chk");
constinit Real<ssize_t(int, void*, std::size_t, std::size_t, int)> real_recv_chk("__recv_chk");

}  // namespace

// ---- receiving ---------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT ssize_t read(int file, void* to, std::size_t bytes) {
  const Nap nap;
  return takes(file, real_read(file, to, bytes));
}
extern "C" VIGIL_EXPORT ssize_t readv(int file, const iovec* to, int count) {
  const Nap nap;
  return takes(file, real_readv(file, to, count));
}
extern "C" VIGIL_EXPORT ssize_t recv(int file, void* to, std::size_t bytes, int flags) {
  const Nap nap;
  return takes(file, real_recv(file, to, bytes, flags));
}
extern "C" VIGIL_EXPORT ssize_t recvfrom(int file, void* to, std::size_t bytes, int flags, sockaddr* from,
                                         socklen_t* size) {
  const Nap nap;
  return takes(file, real_recvfrom(file, to, bytes, flags, from, size));
}
extern "C" VIGIL_EXPORT ssize_t recvmsg(int file, msghdr* to, int flags) {
  const Nap nap;
  return takes(file, real_recvmsg(file, to, flags));
}
extern "C" VIGIL_EXPORT int recvmmsg(int file, mmsghdr* to, unsigned count, int flags, timespec* timeout) {
  const Nap nap;
  return takes(file, real_recvmmsg(file, to, count, flags, timeout));
}
extern "C" VIGIL_EXPORT int accept(int file, sockaddr* from, socklen_t* size) {
  const Nap nap;
  return takes(file, real_accept(file, from, size));
}
extern "C" VIGIL_EXPORT int accept4(int file, sockaddr* from, socklen_t* size, int flags) {
  const Nap nap;
  return takes(file, real_accept4(file, from, size, flags));
}
extern "C" VIGIL_EXPORT int eventfd_read(int file, eventfd_t* to) {
  const Nap nap;
  return takes(file, real_eventfd_read(file, to));
}
extern "C" VIGIL_EXPORT int epoll_wait(int file, epoll_event* to, int most, int timeout) {
  const Nap nap;
  return takes(file, real_epoll_wait(file, to, most, timeout));
}
extern "C" VIGIL_EXPORT int epoll_pwait(int file, epoll_event* to, int most, int timeout, const sigset_t* mask) {
  const Nap nap;
  return takes(file, real_epoll_pwait(file, to, most, timeout, mask));
}
// What the headers make of read() and recv() under _FORTIFY_SOURCE.
extern "C" VIGIL_EXPORT ssize_t __read_chk(int file, void* to, std::size_t bytes, std::size_t room) {  // NOLINT
  const Nap nap;
  return takes(file, real_read_chk(file, to, bytes, room));
}
extern "C" VIGIL_EXPORT ssize_t __recv_chk(int file, void* to, std::size_t bytes, std::size_t room,  // NOLINT
                                           int flags) {
  const Nap nap;
  return takes(file, real_recv_chk(file, to, bytes, room, flags));
}

extern "C" VIGIL_EXPORT int poll(pollfd* files, nfds_t count, int timeout) {
  const Nap nap;
  return takes_ready(files, count, real_poll(files, count, timeout));
}
extern "C" VIGIL_EXPORT int ppoll(pollfd* files, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  const Nap nap;
  return takes_ready(files, count, real_ppoll(files, count, timeout, mask));
}
extern "C" VIGIL_EXPORT int __poll_chk(pollfd* files, nfds_t count, int timeout, std::size_t room) {  // NOLINT
  const Nap nap;
  return takes_ready(files, count, real_poll_chk(files, count, timeout, room));
}
extern "C" VIGIL_EXPORT int select(int end, fd_set* readable, fd_set* writable, fd_set* special, timeval* timeout) {
  const Nap nap;
  return takes_ready(end, readable, special, real_select(end, readable, writable, special, timeout));
}
extern "C" VIGIL_EXPORT int pselect(int end, fd_set* readable, fd_set* writable, fd_set* special,
                                    const timespec* timeout, const sigset_t* mask) {
  const Nap nap;
  return takes_ready(end, readable, special, real_pselect(end, readable, writable, special, timeout, mask));
}

// ---- files locked --------------------------------------------------------------------------------------------------

// Given back by LOCK_UN, by close() and, as a lock for writing becomes one for reading, by LOCK_SH.
extern "C" VIGIL_EXPORT int flock(int file, int operation) noexcept {
  const void* const lock = matters() ? lock_of(file) : nullptr;
  if (lock != nullptr) {
    files_are_locked.store(true, std::memory_order_relaxed);
    if ((operation & (LOCK_UN | LOCK_SH)) != 0) sync_events::released(lock);
  }
  const int rc = real_flock(file, operation);
  if (rc == 0 && lock != nullptr && (operation & LOCK_UN) == 0) sync_events::acquired(lock);
  return rc;
}

// ---- signals sent and waited for -----------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT int pthread_kill(pthread_t thread, int signal_number) noexcept {
  sends_signal();
  return real_pthread_kill(thread, signal_number);
}
extern "C" VIGIL_EXPORT int kill(pid_t process, int signal_number) noexcept {
  sends_signal();
  return real_kill(process, signal_number);
}
extern "C" VIGIL_EXPORT int sigqueue(pid_t process, int signal_number, const sigval value) noexcept {
  sends_signal();
  return real_sigqueue(process, signal_number, value);
}
// A timer and a message queue send a signal, or start a thread.
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
  return real_mq_notify(queue, event);
}
extern "C" VIGIL_EXPORT int sigwait(const sigset_t* wanted, int* taken) {
  const Nap nap;
  const int rc = real_sigwait(wanted, taken);
  if (rc == 0) got_signal();
  return rc;
}
extern "C" VIGIL_EXPORT int sigwaitinfo(const sigset_t* wanted, siginfo_t* taken) {
  const Nap nap;
  const int rc = real_sigwaitinfo(wanted, taken);
  if (rc > 0) got_signal();
  return rc;
}
extern "C" VIGIL_EXPORT int sigtimedwait(const sigset_t* wanted, siginfo_t* taken, const timespec* timeout) {
  const Nap nap;
  const int rc = real_sigtimedwait(wanted, taken, timeout);
  if (rc > 0) got_signal();
  return rc;
}

// ---- sending -----------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT ssize_t write(int file, const void* from, std::size_t bytes) {
  gives(file);
  return real_write(file, from, bytes);
}
extern "C" VIGIL_EXPORT ssize_t writev(int file, const iovec* from, int count) {
  gives(file);
  return real_writev(file, from, count);
}
extern "C" VIGIL_EXPORT ssize_t send(int file, const void* from, std::size_t bytes, int flags) {
  gives(file);
  return real_send(file, from, bytes, flags);
}
extern "C" VIGIL_EXPORT ssize_t sendto(int file, const void* from, std::size_t bytes, int flags, const sockaddr* to,
                                       socklen_t size) {
  gives(file);
  return real_sendto(file, from, bytes, flags, to, size);
}
extern "C" VIGIL_EXPORT ssize_t sendmsg(int file, const msghdr* from, int flags) {
  gives(file);
  return real_sendmsg(file, from, flags);
}
extern "C" VIGIL_EXPORT int sendmmsg(int file, mmsghdr* from, unsigned count, int flags) {
  gives(file);
  return real_sendmmsg(file, from, count, flags);
}
extern "C" VIGIL_EXPORT int shutdown(int file, int how) noexcept {
  gives(file);
  return real_shutdown(file, how);
}
extern "C" VIGIL_EXPORT int connect(int file, const sockaddr* to, socklen_t size) {
  gives(file);
  return real_connect(file, to, size);
}
extern "C" VIGIL_EXPORT int close(int file) {
  gives(file);
  if (files_are_locked.load(std::memory_order_relaxed) && matters()) {
    if (const void* const lock = lock_of(file)) sync_events::released(lock);
  }
  return real_close(file);
}
extern "C" VIGIL_EXPORT int eventfd_write(int file, eventfd_t value) {
  gives(file);
  return real_eventfd_write(file, value);
}
// What an event will carry is filled in before it is asked for.
extern "C" VIGIL_EXPORT int epoll_ctl(int file, int operation, int watched, epoll_event* event) noexcept {
  gives(file);
  return real_epoll_ctl(file, operation, watched, event);
}
