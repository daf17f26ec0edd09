#include "interpose/descriptors.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "interpose/confinement.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::descriptors {
namespace {

// Addresses that nothing can have: the upper bits say of what sort the thing is.
enum class Sort : std::uint8_t { Pipe = 62, Sockets = 61, Nameless = 60, FileLock = 59, Signals = 58, Files = 57 };

const void* name_of(Sort sort, std::uint64_t number) noexcept {
  return reinterpret_cast<const void*>(std::uintptr_t{1} << static_cast<unsigned>(sort) | number << 3U);
}

// Of each descriptor one more than the one it is a copy of; 0: it is none. relaxed: a number by itself, and whoever
// uses a copy was given it by whoever made it. Those beyond are taken for themselves.
constexpr std::size_t kMostCopies = 1U << 16U;
constinit std::array<std::atomic<int>, kMostCopies> copies{};
constexpr int kPassed = kMostCopies;  // stands for the one that all are a copy of that were passed in messages

int original_of(int file) noexcept {
  if (file < 0 || static_cast<std::size_t>(file) >= kMostCopies) return file;
  const int known = copies[static_cast<std::size_t>(file)].load(std::memory_order_relaxed);
  if (known == 0) return file;
  const int original = known - 1;
  // What it is a copy of may have been passed since.
  const bool was_passed = static_cast<std::size_t>(original) < kMostCopies &&
                          copies[static_cast<std::size_t>(original)].load(std::memory_order_relaxed) == kPassed + 1;
  return was_passed ? kPassed : original;
}

// What is known of each descriptor of that sort that a stream has asked of. relaxed, as above.
enum class Known : std::uint8_t { Unknown, OrdersNothing, HandsOn, AsItBegan };
constinit std::array<std::atomic<Known>, kMostCopies> known_of{{Known::AsItBegan, Known::AsItBegan, Known::AsItBegan}};

// Which tell of files.
constinit std::array<std::atomic<bool>, kMostCopies> inotifies{};
constinit std::atomic<bool> any_inotify{false};  // relaxed: who asks it to tell of a file was given it

void note_copy(int original, int copy) noexcept {
  if (copy < 0 || static_cast<std::size_t>(copy) >= kMostCopies) return;
  known_of[static_cast<std::size_t>(copy)].store(Known::Unknown, std::memory_order_relaxed);
  copies[static_cast<std::size_t>(copy)].store(original == copy ? 0 : original + 1, std::memory_order_relaxed);
  inotifies[static_cast<std::size_t>(copy)].store(false, std::memory_order_relaxed);
}

bool is_inotify(int original) noexcept {
  return any_inotify.load(std::memory_order_relaxed) && original >= 0 &&
         static_cast<std::size_t>(original) < kMostCopies &&
         inotifies[static_cast<std::size_t>(original)].load(std::memory_order_relaxed);
}

bool look_at(int file, struct stat& status) noexcept {
  const int before = errno;
  const bool known = ::fstat(file, &status) == 0;
  errno = before;
  return known;
}

constinit std::atomic<bool> any_signal_reader{false};  // relaxed: who reads signals was told of the descriptor
constinit std::atomic<bool> files_are_locked{false};   // relaxed: who locked a file has seen its own call

struct Channel {
  const void* name = nullptr;  // null: it orders nothing
  Sort sort{};
};

bool is_pipe_or_socket(int file) noexcept {
  struct stat status;
  return !confinement::forbids_looks() && look_at(file, status) &&
         (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

// Whether what is put into a pipe may come back by another. relaxed: who uses a child's pipe was given it.
enum class Others : std::uint8_t { Unknown, None, Some };
constinit std::atomic<Others> others{Others::Unknown};
bool others_hand_on() noexcept {
  Others known = others.load(std::memory_order_relaxed);
  if (known == Others::Unknown) {
    const bool answered = is_pipe_or_socket(0) && (is_pipe_or_socket(1) || is_pipe_or_socket(2));
    const Others seen = answered ? Others::Some : Others::None;
    if (others.compare_exchange_strong(known, seen, std::memory_order_relaxed)) known = seen;
  }
  return known == Others::Some;
}

const void* all_others() noexcept { return name_of(Sort::Sockets, 0); }
const void* all_files() noexcept { return name_of(Sort::Files, 0); }

Channel channel_of(int file) noexcept {
  constexpr std::uint64_t kMostPipes = 0xffff;  // told apart: a program may make them without end
  if (confinement::forbids_looks()) return {};  // who may only read and write lives on, in whatever order
  struct stat status;
  if (!look_at(file, status)) return {};
  if (S_ISFIFO(status.st_mode)) return {name_of(Sort::Pipe, status.st_ino & kMostPipes), Sort::Pipe};
  if (S_ISSOCK(status.st_mode)) return {all_others(), Sort::Sockets};
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return {nullptr, Sort::Files};
  if ((status.st_mode & S_IFMT) != 0) return {};
  const int original = original_of(file);
  if (is_inotify(original)) return {all_files(), Sort::Files};
  return {name_of(Sort::Nameless, static_cast<std::uint64_t>(original)), Sort::Nameless};
}

// What each epoll tells of, each thing once: all sockets together are one.
struct Watched {
  FutexLock lock;
  OwnMap<int, OwnVector<const void*>> of;  // by the epoll's descriptor; guarded by lock
};
constinit std::atomic<Watched*> all_watched{nullptr};

Watched& watched() noexcept {
  Watched* known = all_watched.load(std::memory_order_acquire);  // pairs with the exchange below
  if (known != nullptr) return *known;
  auto* const fresh = own_new<Watched>();
  if (all_watched.compare_exchange_strong(known, fresh, std::memory_order_acq_rel)) return *fresh;
  own_delete(fresh);
  return *known;
}

// The number-th thing that epoll tells of; null: there are not so many.
const void* watched_thing(Watched& all, int epoll, std::size_t number) noexcept {
  const void* name = nullptr;
  record([&] {
    all.lock.lock();
    if (const auto found = all.of.find(epoll); found != all.of.end() && number < found->second.size()) {
      name = found->second[number];
    }
    all.lock.unlock();
  });
  return name;
}

}  // namespace

void gives(int file) noexcept {
  if (!matter()) return;
  const Channel channel = channel_of(file);
  if (channel.name != nullptr) sync_events::released(channel.name);
  if (channel.name == nullptr && channel.sort == Sort::Files) changes_files();
  if (channel.sort == Sort::Pipe && others_hand_on()) sync_events::released(all_others());
}

void takes(int file) noexcept {
  if (!matter()) return;
  const Channel channel = channel_of(file);
  if (channel.name == nullptr) return;
  sync_events::acquired(channel.name);
  if (channel.sort == Sort::Pipe && others_hand_on()) sync_events::acquired(all_others());
  if (channel.sort == Sort::Nameless && any_signal_reader.load(std::memory_order_relaxed)) sent_signals::got();
}

namespace {

bool hands_on(int file) noexcept {
  if (file < 0 || static_cast<std::size_t>(file) >= kMostCopies) return file >= 0;
  std::atomic<Known>& known = known_of[static_cast<std::size_t>(file)];
  Known seen = known.load(std::memory_order_relaxed);
  if (seen == Known::AsItBegan && !others_hand_on()) {
    seen = Known::OrdersNothing;
    known.store(seen, std::memory_order_relaxed);
  }
  if (seen == Known::Unknown || seen == Known::AsItBegan) {
    if (confinement::forbids_looks()) return false;  // others may look, and should
    seen = channel_of(file).name != nullptr ? Known::HandsOn : Known::OrdersNothing;
    known.store(seen, std::memory_order_relaxed);
  }
  return seen == Known::HandsOn;
}

}  // namespace

void gives_if_handed_on(int file) noexcept {
  if (hands_on(file) || any_inotify.load(std::memory_order_relaxed)) gives(file);
}
void takes_if_handed_on(int file) noexcept {
  if (hands_on(file)) takes(file);
}

void begins_stream(int file) noexcept {
  constexpr int kLastGiven = 2;  // of those that the program began with; who replaces one is noticed
  if (file <= kLastGiven || static_cast<std::size_t>(file) >= kMostCopies) return;
  known_of[static_cast<std::size_t>(file)].store(Known::Unknown, std::memory_order_relaxed);
}

void tells_of_files(int inotify) noexcept {
  if (inotify < 0 || static_cast<std::size_t>(inotify) >= kMostCopies) return;
  inotifies[static_cast<std::size_t>(inotify)].store(true, std::memory_order_relaxed);
  any_inotify.store(true, std::memory_order_relaxed);
}
void changes_files() noexcept {
  if (any_inotify.load(std::memory_order_relaxed) && matter()) sync_events::released(all_files());
}

void child_begins() noexcept {
  others.store(Others::Some, std::memory_order_relaxed);
  if (matter()) sync_events::released(all_others());
}
void child_ended() noexcept {
  if (matter() && others_hand_on()) sync_events::acquired(all_others());
}

void copied(int original, int copy) noexcept { note_copy(original_of(original), copy); }

void passed(const msghdr& message) noexcept {
  if (inside_shim || message.msg_control == nullptr) return;
  auto* const known = const_cast<msghdr*>(&message);  // libc's macros want it so
  const char* const end = static_cast<const char*>(message.msg_control) + message.msg_controllen;
  for (cmsghdr* part = CMSG_FIRSTHDR(known); part != nullptr; part = CMSG_NXTHDR(known, part)) {
    // The kernel has not looked at what is about to be sent: the length may be anything, and it will say no.
    if (part->cmsg_len > static_cast<std::size_t>(end - reinterpret_cast<const char*>(part))) return;
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS || part->cmsg_len < CMSG_LEN(0)) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int file = -1;
      std::memcpy(&file, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      if (channel_of(file).sort == Sort::Nameless) note_copy(kPassed, original_of(file));
    }
  }
}

void closes(int file) noexcept {
  gives(file);
  if (files_are_locked.load(std::memory_order_relaxed)) {
    if (const void* const lock = lock_of(file)) sync_events::released(lock);
  }
  note_copy(file, file);
  Watched* const all = all_watched.load(std::memory_order_acquire);
  if (all == nullptr) return;
  record([&] {
    all->lock.lock();
    all->of.erase(file);
    all->lock.unlock();
  });
}

// Also before there is a second thread: what is watched now may be told of later.
void watched_by(int epoll, int file) noexcept {
  if (inside_shim || order::needs(order::Edge::Firm) == 0) return;
  const Channel channel = channel_of(file);
  if (channel.name == nullptr) return;
  record([&] {
    Watched& all = watched();
    all.lock.lock();
    OwnVector<const void*>& names = all.of[original_of(epoll)];
    if (std::find(names.begin(), names.end(), channel.name) == names.end()) names.push_back(channel.name);
    all.lock.unlock();
  });
}

void takes_watched(int epoll) noexcept {
  Watched* const all = all_watched.load(std::memory_order_acquire);
  if (all == nullptr || !matter()) return;
  const int original = original_of(epoll);
  for (std::size_t i = 0; const void* const name = watched_thing(*all, original, i); ++i) sync_events::acquired(name);
}

const void* lock_of(int file) noexcept {
  constexpr std::uint64_t kMostFiles = 0xffffffff;
  struct stat status;
  if (!matter() || !look_at(file, status)) return nullptr;
  return name_of(Sort::FileLock, status.st_ino & kMostFiles);
}
void gives_lock_back(const void* lock) noexcept {
  if (lock != nullptr) sync_events::released(lock);
}
void takes_lock(const void* lock) noexcept {
  if (lock == nullptr) return;
  files_are_locked.store(true, std::memory_order_relaxed);
  sync_events::acquired(lock);
}

void signals_are_read() noexcept { any_signal_reader.store(true, std::memory_order_relaxed); }

}  // namespace vigil::shim::descriptors

namespace vigil::shim::sent_signals {

namespace {
const void* signals() noexcept { return descriptors::name_of(descriptors::Sort::Signals, 0); }
}  // namespace

void sent() noexcept {
  if (descriptors::matter()) sync_events::released(signals());
}
void got() noexcept {
  if (descriptors::matter()) sync_events::acquired(signals());
}

namespace {
constinit std::atomic<bool> any_queue_tells{false};  // relaxed: who is told was told by who armed it
}  // namespace

void queue_tells() noexcept { any_queue_tells.store(true, std::memory_order_relaxed); }
void came_to_a_queue() noexcept {
  if (!any_queue_tells.load(std::memory_order_relaxed) || inside_shim) return;
  record([] { unseen_threads_follow(); });
  sent();
}

}  // namespace vigil::shim::sent_signals
