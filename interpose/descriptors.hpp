// What a descriptor hands from one thread to another: whoever takes out what another put in goes on after it.
//
// Both ends of a pipe have one inode. Which two sockets are connected is not known, so all sockets are one object; any
// other descriptor without a name (an eventfd, an epoll, a timer) is known by its number, or by that of the one it is a
// copy of. Too much order hides a race, too little makes one up. Files, terminals and devices order nothing but their
// locks, and what an inotify tells of files.
//
// A pipe may lead to another process that hands on what it was told: once there is one, or the program was begun with
// pipes for input and output, all pipes and sockets are one object.
//
// All keep errno, and do nothing where nobody asks for the order.
#pragma once

#include <sys/socket.h>

#include "interpose/order.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim::descriptors {

inline bool matter() noexcept { return sync_events::watching() && order::needs(order::Edge::Firm) != 0; }

// Before something is put in, or an end is closed. A file is changed by it.
void gives(int file) noexcept;
// After something was taken out.
void takes(int file) noexcept;
// Takes if `got` is no error, and returns it; the end of what comes counts.
template <class Count>
Count takes(int file, Count got) noexcept {
  if (got >= 0) takes(file);
  return got;
}

// The same where most that is asked of orders nothing: what a descriptor is, is looked up once, until it is closed or
// made a copy. The output that the program began with leads out of it, and nothing comes back unless its input is a
// pipe or a socket, too.
void gives_if_handed_on(int file) noexcept;
void takes_if_handed_on(int file) noexcept;
// A stream over it begins: it is looked up again, for it may have been closed by a call that nobody sees.
void begins_stream(int file) noexcept;

// `copy` leads to what `original` leads to.
void copied(int original, int copy) noexcept;
void closes(int file) noexcept;
// The descriptors in a message that is about to be sent, or was received: which of them is a copy of which is not
// known, so all that have no name are one from then on.
void passed(const msghdr& message) noexcept;

// That epoll tells of that descriptor from now on; and has told of some of those it tells of.
void watched_by(int epoll, int file) noexcept;
void takes_watched(int epoll) noexcept;

// That descriptor tells of what changes in files (inotify); and something is about to change.
void tells_of_files(int inotify) noexcept;
void changes_files() noexcept;

// Another process is about to begin that has our pipes; and one has ended.
void child_begins() noexcept;
void child_ended() noexcept;

// What stands for the lock that can be had on the whole of a file: its number, whoever opened it. Null: nobody asks, or
// there is no such file.
const void* lock_of(int file) noexcept;
void gives_lock_back(const void* lock) noexcept;
void takes_lock(const void* lock) noexcept;

// A descriptor that hands out signals was made: from now on whoever takes something out of a nameless one may have
// taken a signal.
void signals_are_read() noexcept;

}  // namespace vigil::shim::descriptors

namespace vigil::shim::sent_signals {

// All signals are one object: which of several was taken is not known.
void sent() noexcept;
void got() noexcept;

// Some queue tells by a signal, or a thread that libc starts, that a message came; and one is about to come.
void queue_tells() noexcept;
void came_to_a_queue() noexcept;

}  // namespace vigil::shim::sent_signals
