// Wrappers of what hands bytes from one thread to another: pipes, sockets, event descriptors, epoll. Whoever reads what
// another wrote goes on after it, and so does who was told that there is something to read (descriptors.hpp).
//
// Those that may sleep for something to come save the caller's registers where a search of memory sees them (naps.hpp).
// Most are cancellation points and so not noexcept, and may be called by signal handlers: record() turns away a handler
// that has interrupted the shim.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "interpose/descriptors.hpp"
#include "interpose/export.hpp"
#include "interpose/naps.hpp"
#include "interpose/real_function.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace
using descriptors::gives;
using descriptors::takes;

namespace {

// Whoever is told that a descriptor is ready.
int takes_ready(const pollfd* files, nfds_t count, int ready) noexcept {
  if (ready <= 0 || !descriptors::matter()) return ready;
  for (nfds_t i = 0; i < count; ++i) {
    if (files[i].revents != 0) takes(files[i].fd);
  }
  return ready;
}
int takes_ready(int end, const fd_set* readable, const fd_set* special, int ready) noexcept {
  if (ready <= 0 || !descriptors::matter()) return ready;
  for (int file = 0; file < end; ++file) {
    if ((readable != nullptr && FD_ISSET(file, readable)) || (special != nullptr && FD_ISSET(file, special))) {
      takes(file);
    }
  }
  return ready;
}

// Whoever was told by an epoll that something is there may not even take it out.
int takes_events(int epoll, int ready) noexcept {
  if (ready > 0) descriptors::takes_watched(epoll);
  return takes(epoll, ready);
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
constinit Real<int(int, epoll_event*, int, const timespec*, const sigset_t*)> real_epoll_pwait2("epoll_pwait2");
constinit Real<int(pollfd*, nfds_t, int)> real_poll("poll");
constinit Real<int(pollfd*, nfds_t, const timespec*, const sigset_t*)> real_ppoll("ppoll");
constinit Real<int(int, fd_set*, fd_set*, fd_set*, timeval*)> real_select("select");
constinit Real<int(int, fd_set*, fd_set*, fd_set*, const timespec*, const sigset_t*)> real_pselect("pselect");
constinit Real<int(pollfd*, nfds_t, int, std::size_t)> real_poll_chk("__poll_chk");
constinit Real<ssize_t(int, void*, std::size_t, std::size_t)> real_read_chk("__read_chk");
constinit Real<ssize_t(int, void*, std::size_t, std::size_t, int)> real_recv_chk("__recv_chk");
constinit Real<ssize_t(int, void*, std::size_t, std::size_t, int, sockaddr*, socklen_t*)> real_recvfrom_chk(
    "__recvfrom_chk");
constinit Real<int(pollfd*, nfds_t, const timespec*, const sigset_t*, std::size_t)> real_ppoll_chk("__ppoll_chk");
constinit Real<int(int, int)> real_listen("listen");
constinit Real<ssize_t(int, const iovec*, int, off_t, int)> real_preadv2("preadv2");
constinit Real<ssize_t(int, const iovec*, int, off_t, int)> real_pwritev2("pwritev2");
constinit Real<int(int, const char*, va_list)> real_vdprintf("vdprintf");
constinit Real<int(int, int, const char*, va_list)> real_vdprintf_chk("__vdprintf_chk");
constinit Real<int(int, int, const itimerspec*, itimerspec*)> real_timerfd_settime("timerfd_settime");
constinit Real<ssize_t(int, off64_t*, int, off64_t*, std::size_t, unsigned)> real_splice("splice");
constinit Real<ssize_t(int, int, std::size_t, unsigned)> real_tee("tee");
constinit Real<ssize_t(int, const iovec*, std::size_t, unsigned)> real_vmsplice("vmsplice");
constinit Real<ssize_t(int, int, off_t*, std::size_t)> real_sendfile("sendfile");
constinit Real<ssize_t(int, int, off64_t*, std::size_t)> real_sendfile64("sendfile64");

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
  const ssize_t bytes = real_recvmsg(file, to, flags);
  if (bytes >= 0) descriptors::passed(*to);
  return takes(file, bytes);
}
extern "C" VIGIL_EXPORT int recvmmsg(int file, mmsghdr* to, unsigned count, int flags, timespec* timeout) {
  const Nap nap;
  const int got = real_recvmmsg(file, to, count, flags, timeout);
  for (int i = 0; i < got; ++i) descriptors::passed(to[i].msg_hdr);
  return takes(file, got);
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
  return takes_events(file, real_epoll_wait(file, to, most, timeout));
}
extern "C" VIGIL_EXPORT int epoll_pwait(int file, epoll_event* to, int most, int timeout, const sigset_t* mask) {
  const Nap nap;
  return takes_events(file, real_epoll_pwait(file, to, most, timeout, mask));
}
extern "C" VIGIL_EXPORT int epoll_pwait2(int file, epoll_event* to, int most, const timespec* timeout,
                                         const sigset_t* mask) {
  const Nap nap;
  return takes_events(file, real_epoll_pwait2(file, to, most, timeout, mask));
}
extern "C" VIGIL_EXPORT ssize_t preadv2(int file, const iovec* to, int count, off_t offset, int flags) {
  const Nap nap;
  return takes(file, real_preadv2(file, to, count, offset, flags));
}
// What the headers make of read() and recv() and their like under _FORTIFY_SOURCE.
extern "C" VIGIL_EXPORT ssize_t __read_chk(int file, void* to, std::size_t bytes, std::size_t room) {  // NOLINT
  const Nap nap;
  return takes(file, real_read_chk(file, to, bytes, room));
}
extern "C" VIGIL_EXPORT ssize_t __recv_chk(int file, void* to, std::size_t bytes, std::size_t room,  // NOLINT
                                           int flags) {
  const Nap nap;
  return takes(file, real_recv_chk(file, to, bytes, room, flags));
}

extern "C" VIGIL_EXPORT ssize_t __recvfrom_chk(int file, void* to, std::size_t bytes, std::size_t room,  // NOLINT
                                               int flags, sockaddr* from, socklen_t* size) {
  const Nap nap;
  return takes(file, real_recvfrom_chk(file, to, bytes, room, flags, from, size));
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
extern "C" VIGIL_EXPORT int __ppoll_chk(pollfd* files, nfds_t count, const timespec* timeout,  // NOLINT
                                        const sigset_t* mask, std::size_t room) {
  const Nap nap;
  return takes_ready(files, count, real_ppoll_chk(files, count, timeout, mask, room));
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
  if (from != nullptr) descriptors::passed(*from);
  gives(file);
  return real_sendmsg(file, from, flags);
}
extern "C" VIGIL_EXPORT int sendmmsg(int file, mmsghdr* from, unsigned count, int flags) {
  for (unsigned i = 0; from != nullptr && i < count; ++i) descriptors::passed(from[i].msg_hdr);
  gives(file);
  return real_sendmmsg(file, from, count, flags);
}
extern "C" VIGIL_EXPORT int shutdown(int file, int how) noexcept {
  gives(file);
  return real_shutdown(file, how);
}
// Who can connect goes on after who made it possible.
extern "C" VIGIL_EXPORT int connect(int file, const sockaddr* to, socklen_t size) {
  gives(file);
  return takes(file, real_connect(file, to, size));
}
extern "C" VIGIL_EXPORT int listen(int file, int most) noexcept {
  gives(file);
  return real_listen(file, most);
}
extern "C" VIGIL_EXPORT int close(int file) {
  descriptors::closes(file);
  return real_close(file);
}
extern "C" VIGIL_EXPORT int eventfd_write(int file, eventfd_t value) {
  gives(file);
  return real_eventfd_write(file, value);
}
// What an event will carry is filled in before it is asked for.
extern "C" VIGIL_EXPORT int epoll_ctl(int file, int operation, int watched, epoll_event* event) noexcept {
  gives(file);
  if (operation == EPOLL_CTL_ADD) descriptors::watched_by(file, watched);
  return real_epoll_ctl(file, operation, watched, event);
}
extern "C" VIGIL_EXPORT int timerfd_settime(int file, int flags, const itimerspec* when, itimerspec* before) noexcept {
  gives(file);
  return real_timerfd_settime(file, flags, when, before);
}
extern "C" VIGIL_EXPORT ssize_t pwritev2(int file, const iovec* from, int count, off_t offset, int flags) {
  gives(file);
  return real_pwritev2(file, from, count, offset, flags);
}
extern "C" VIGIL_EXPORT int vdprintf(int file, const char* format, va_list given) {
  gives(file);
  return real_vdprintf(file, format, given);
}
extern "C" VIGIL_EXPORT int dprintf(int file, const char* format, ...) {
  gives(file);
  va_list given;
  va_start(given, format);
  const int written = real_vdprintf(file, format, given);
  va_end(given);
  return written;
}
extern "C" VIGIL_EXPORT int __vdprintf_chk(int file, int checks, const char* format,  // NOLINT
                                           va_list given) noexcept {
  gives(file);
  return real_vdprintf_chk(file, checks, format, given);
}
extern "C" VIGIL_EXPORT int __dprintf_chk(int file, int checks, const char* format, ...) noexcept {  // NOLINT
  gives(file);
  va_list given;
  va_start(given, format);
  const int written = real_vdprintf_chk(file, checks, format, given);
  va_end(given);
  return written;
}

// ---- from one to another -------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT ssize_t splice(int from, off64_t* from_at, int to, off64_t* to_at, std::size_t bytes,
                                       unsigned flags) {
  const Nap nap;
  gives(to);
  return takes(from, real_splice(from, from_at, to, to_at, bytes, flags));
}
extern "C" VIGIL_EXPORT ssize_t tee(int from, int to, std::size_t bytes, unsigned flags) {
  const Nap nap;
  gives(to);
  return takes(from, real_tee(from, to, bytes, flags));
}
// Which way it goes depends on which end of the pipe that is.
extern "C" VIGIL_EXPORT ssize_t vmsplice(int file, const iovec* with, std::size_t count, unsigned flags) {
  const Nap nap;
  gives(file);
  return takes(file, real_vmsplice(file, with, count, flags));
}
extern "C" VIGIL_EXPORT ssize_t sendfile(int to, int from, off_t* from_at, std::size_t bytes) noexcept {
  gives(to);
  return real_sendfile(to, from, from_at, bytes);
}
extern "C" VIGIL_EXPORT ssize_t sendfile64(int to, int from, off64_t* from_at, std::size_t bytes) noexcept {
  gives(to);
  return real_sendfile64(to, from, from_at, bytes);
}
