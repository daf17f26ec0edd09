// Wrappers of what hands bytes from one thread to another: pipes, sockets, event descriptors, epoll. Whoever reads what
// another wrote goes on after it.
//
// Both ends of a pipe have one inode. Which two sockets are connected is not known, so all sockets are one object; any
// other descriptor without a name (an eventfd, an epoll) is known by its number. Too much order hides a race, too
// little makes one up. Files, terminals and devices order nothing.
//
// Most are cancellation points and so not noexcept, and may be called by signal handlers: record() turns away a handler
// that has interrupted the shim.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "interpose/export.hpp"
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
constinit Real<ssize_t(int, void*, std::size_t, std::size_t)> real_read_chk("__read_chk");
constinit Real<ssize_t(int, void*, std::size_t, std::size_t, int)> real_recv_chk("__recv_chk");

}  // namespace

// ---- receiving ---------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT ssize_t read(int file, void* to, std::size_t bytes) {
  return takes(file, real_read(file, to, bytes));
}
extern "C" VIGIL_EXPORT ssize_t readv(int file, const iovec* to, int count) {
  return takes(file, real_readv(file, to, count));
}
extern "C" VIGIL_EXPORT ssize_t recv(int file, void* to, std::size_t bytes, int flags) {
  return takes(file, real_recv(file, to, bytes, flags));
}
extern "C" VIGIL_EXPORT ssize_t recvfrom(int file, void* to, std::size_t bytes, int flags, sockaddr* from,
                                         socklen_t* size) {
  return takes(file, real_recvfrom(file, to, bytes, flags, from, size));
}
extern "C" VIGIL_EXPORT ssize_t recvmsg(int file, msghdr* to, int flags) {
  return takes(file, real_recvmsg(file, to, flags));
}
extern "C" VIGIL_EXPORT int recvmmsg(int file, mmsghdr* to, unsigned count, int flags, timespec* timeout) {
  return takes(file, real_recvmmsg(file, to, count, flags, timeout));
}
extern "C" VIGIL_EXPORT int accept(int file, sockaddr* from, socklen_t* size) {
  return takes(file, real_accept(file, from, size));
}
extern "C" VIGIL_EXPORT int accept4(int file, sockaddr* from, socklen_t* size, int flags) {
  return takes(file, real_accept4(file, from, size, flags));
}
extern "C" VIGIL_EXPORT int eventfd_read(int file, eventfd_t* to) { return takes(file, real_eventfd_read(file, to)); }
extern "C" VIGIL_EXPORT int epoll_wait(int file, epoll_event* to, int most, int timeout) {
  return takes(file, real_epoll_wait(file, to, most, timeout));
}
extern "C" VIGIL_EXPORT int epoll_pwait(int file, epoll_event* to, int most, int timeout, const sigset_t* mask) {
  return takes(file, real_epoll_pwait(file, to, most, timeout, mask));
}
// What the headers make of read() and recv() under _FORTIFY_SOURCE.
extern "C" VIGIL_EXPORT ssize_t __read_chk(int file, void* to, std::size_t bytes, std::size_t room) {  // NOLINT
  return takes(file, real_read_chk(file, to, bytes, room));
}
extern "C" VIGIL_EXPORT ssize_t __recv_chk(int file, void* to, std::size_t bytes, std::size_t room,  // NOLINT
                                           int flags) {
  return takes(file, real_recv_chk(file, to, bytes, room, flags));
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
