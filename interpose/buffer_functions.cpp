// What instrumented code gets in place of the functions by which the kernel fills its buffers and empties them
// (instrumented_code.hpp): the same, and the engine is told which bytes were written and read. What they order is the
// business of the shim's own functions of these names (wrap_io.cpp), which these call.
//
// A buffer is read before the call and written after it: who receives what another sent is behind him by then. They
// are cancellation points, so not noexcept.
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdint>

#include "interpose/instrumented_code.hpp"
#include "interpose/race/memory.hpp"

namespace vigil::shim {
namespace {

std::uintptr_t place_of(const void* at) noexcept { return reinterpret_cast<std::uintptr_t>(at); }
[[gnu::always_inline]] inline std::uintptr_t returns_to() noexcept {
  return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
}

// got: how many bytes came, as the call said. More than there is room for: of a message that was cut.
ssize_t was_filled(const void* to, std::size_t room, ssize_t got, std::uintptr_t pc) noexcept {
  if (got > 0) race::on_write(place_of(to), std::min(static_cast<std::size_t>(got), room), pc);
  return got;
}
ssize_t was_filled(const iovec* to, std::size_t count, ssize_t got, std::uintptr_t pc) noexcept {
  std::size_t left = got > 0 ? static_cast<std::size_t>(got) : 0;
  for (std::size_t i = 0; i < count && left != 0; ++i) {
    const std::size_t here = std::min(left, to[i].iov_len);
    if (here != 0) race::on_write(place_of(to[i].iov_base), here, pc);
    left -= here;
  }
  return got;
}
// What is told before the call may be nothing that the kernel would take: it answers with an error then.
bool is_somewhere(const void* at) noexcept {
  constexpr std::uintptr_t kFirst = 4096;  // nothing is ever mapped below it
  return place_of(at) >= kFirst;
}
void emptied(int file, const void* from, std::size_t bytes, std::uintptr_t pc) noexcept {
  constexpr std::size_t kMost = 0x7ffff000;  // of a call: MAX_RW_COUNT
  if (file >= 0 && is_somewhere(from) && bytes != 0) race::on_read(place_of(from), std::min(bytes, kMost), pc);
}
void emptied(int file, const iovec* from, std::size_t count, std::uintptr_t pc) noexcept {
  if (file < 0 || !is_somewhere(from) || count > IOV_MAX) return;
  for (std::size_t i = 0; i < count; ++i) emptied(file, from[i].iov_base, from[i].iov_len, pc);
}
std::size_t count_of(int count) noexcept { return count > 0 ? static_cast<std::size_t>(count) : 0; }

// One function each of those that have the same arguments behind the buffer: none, flags, an offset, what
// _FORTIFY_SOURCE knows of the room, an address.
enum class Fill : std::uint8_t {
  Read,
  ReadChecked,
  ReadAt,
  ReadAt64,
  ReadAtChecked,
  ReadAt64Checked,
  Receive,
  ReceiveChecked,
  ReceiveFrom,
  ReceiveFromChecked
};
template <Fill kWhich, class... More>
ssize_t (*real_fill)(int, void*, std::size_t, More...) = nullptr;
template <Fill kWhich, class... More>
ssize_t my_fill(int file, void* to, std::size_t bytes, More... more) {
  const std::uintptr_t pc = returns_to();
  return was_filled(to, bytes, real_fill<kWhich, More...>(file, to, bytes, more...), pc);
}
enum class Empty : std::uint8_t { Write, WriteAt, WriteAt64, Send, SendTo };
template <Empty kWhich, class... More>
ssize_t (*real_empty)(int, const void*, std::size_t, More...) = nullptr;
template <Empty kWhich, class... More>
ssize_t my_empty(int file, const void* from, std::size_t bytes, More... more) {
  emptied(file, from, bytes, returns_to());
  return real_empty<kWhich, More...>(file, from, bytes, more...);
}

ssize_t (*real_readv)(int, const iovec*, int) = nullptr;
ssize_t my_readv(int file, const iovec* to, int count) {
  const std::uintptr_t pc = returns_to();
  return was_filled(to, count_of(count), real_readv(file, to, count), pc);
}
ssize_t (*real_writev)(int, const iovec*, int) = nullptr;
ssize_t my_writev(int file, const iovec* from, int count) {
  emptied(file, from, count_of(count), returns_to());
  return real_writev(file, from, count);
}
ssize_t (*real_recvmsg)(int, msghdr*, int) = nullptr;
ssize_t my_recvmsg(int file, msghdr* to, int flags) {
  const std::uintptr_t pc = returns_to();
  const ssize_t got = real_recvmsg(file, to, flags);
  return got > 0 ? was_filled(to->msg_iov, to->msg_iovlen, got, pc) : got;
}
ssize_t (*real_sendmsg)(int, const msghdr*, int) = nullptr;
ssize_t my_sendmsg(int file, const msghdr* from, int flags) {
  if (is_somewhere(from)) emptied(file, from->msg_iov, from->msg_iovlen, returns_to());
  return real_sendmsg(file, from, flags);
}

const Replacement kBuffers[] = {
    {"read", reinterpret_cast<void*>(my_fill<Fill::Read>), reinterpret_cast<void**>(&real_fill<Fill::Read>)},
    {"__read_chk", reinterpret_cast<void*>(my_fill<Fill::ReadChecked, std::size_t>),
     reinterpret_cast<void**>(&real_fill<Fill::ReadChecked, std::size_t>)},
    {"pread", reinterpret_cast<void*>(my_fill<Fill::ReadAt, off_t>),
     reinterpret_cast<void**>(&real_fill<Fill::ReadAt, off_t>)},
    {"pread64", reinterpret_cast<void*>(my_fill<Fill::ReadAt64, off64_t>),
     reinterpret_cast<void**>(&real_fill<Fill::ReadAt64, off64_t>)},
    {"__pread_chk", reinterpret_cast<void*>(my_fill<Fill::ReadAtChecked, off_t, std::size_t>),
     reinterpret_cast<void**>(&real_fill<Fill::ReadAtChecked, off_t, std::size_t>)},
    {"__pread64_chk", reinterpret_cast<void*>(my_fill<Fill::ReadAt64Checked, off64_t, std::size_t>),
     reinterpret_cast<void**>(&real_fill<Fill::ReadAt64Checked, off64_t, std::size_t>)},
    {"recv", reinterpret_cast<void*>(my_fill<Fill::Receive, int>),
     reinterpret_cast<void**>(&real_fill<Fill::Receive, int>)},
    {"__recv_chk", reinterpret_cast<void*>(my_fill<Fill::ReceiveChecked, std::size_t, int>),
     reinterpret_cast<void**>(&real_fill<Fill::ReceiveChecked, std::size_t, int>)},
    {"recvfrom", reinterpret_cast<void*>(my_fill<Fill::ReceiveFrom, int, sockaddr*, socklen_t*>),
     reinterpret_cast<void**>(&real_fill<Fill::ReceiveFrom, int, sockaddr*, socklen_t*>)},
    {"__recvfrom_chk",
     reinterpret_cast<void*>(my_fill<Fill::ReceiveFromChecked, std::size_t, int, sockaddr*, socklen_t*>),
     reinterpret_cast<void**>(&real_fill<Fill::ReceiveFromChecked, std::size_t, int, sockaddr*, socklen_t*>)},
    {"write", reinterpret_cast<void*>(my_empty<Empty::Write>), reinterpret_cast<void**>(&real_empty<Empty::Write>)},
    {"pwrite", reinterpret_cast<void*>(my_empty<Empty::WriteAt, off_t>),
     reinterpret_cast<void**>(&real_empty<Empty::WriteAt, off_t>)},
    {"pwrite64", reinterpret_cast<void*>(my_empty<Empty::WriteAt64, off64_t>),
     reinterpret_cast<void**>(&real_empty<Empty::WriteAt64, off64_t>)},
    {"send", reinterpret_cast<void*>(my_empty<Empty::Send, int>),
     reinterpret_cast<void**>(&real_empty<Empty::Send, int>)},
    {"sendto", reinterpret_cast<void*>(my_empty<Empty::SendTo, int, const sockaddr*, socklen_t>),
     reinterpret_cast<void**>(&real_empty<Empty::SendTo, int, const sockaddr*, socklen_t>)},
    {"readv", reinterpret_cast<void*>(my_readv), reinterpret_cast<void**>(&real_readv)},
    {"writev", reinterpret_cast<void*>(my_writev), reinterpret_cast<void**>(&real_writev)},
    {"recvmsg", reinterpret_cast<void*>(my_recvmsg), reinterpret_cast<void**>(&real_recvmsg)},
    {"sendmsg", reinterpret_cast<void*>(my_sendmsg), reinterpret_cast<void**>(&real_sendmsg)},
};

}  // namespace

std::span<const Replacement> buffer_replacements() noexcept { return kBuffers; }

}  // namespace vigil::shim
