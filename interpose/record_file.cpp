#include "interpose/record_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "interpose/confinement.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/own_mappings.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/record_framing.hpp"

namespace vigil::shim {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kFirstChunk = 256U << 10;  // bytes
constexpr std::size_t kLargestChunk = 8U << 20;
constexpr std::size_t kMappedMost = 1U << 30;
constexpr std::size_t kMappedLeast = 1U << 20;
constexpr std::size_t kShareOfTheLimit = 32;  // the mapping is at most this part of a limited address space
constexpr int kHighFd = 1000;                 // below it a program may count on the lowest free numbers

// Makes the folder and its missing parents, 0700 as secrets may stand in stacks' names. 0 or errno.
int make_folders(PathText& path) noexcept {
  PathText prefix;
  const std::string_view whole = path.view();
  for (std::size_t at = 0; at < whole.size();) {
    const std::size_t end = std::min(whole.find('/', at + 1), whole.size());
    prefix << whole.substr(at, end - at);
    at = end;
    const long made = raw_syscall(SYS_mkdir, reinterpret_cast<long>(prefix.c_str()), 0700);
    if (made != 0 && made != -EEXIST && made != -EISDIR && at == whole.size()) return static_cast<int>(-made);
  }
  return 0;
}

// Moves a descriptor out of the program's way; closes the low one.
int move_high(int fd) noexcept {
  rlimit limit{};
  raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, reinterpret_cast<long>(&limit));
  const auto most = static_cast<long>(std::min<rlim_t>(limit.rlim_cur, 1U << 20));
  const long from = std::max<long>(3, std::min<long>(kHighFd, most - 16));
  const long high = raw_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, from);
  if (high < 0) return fd;
  raw_syscall(SYS_close, fd);
  return static_cast<int>(high);
}

// The address space that the program was given is the program's: what is mapped here, it cannot allocate.
std::size_t longest_mapping() noexcept {
  rlimit limit{};
  raw_syscall(SYS_prlimit64, 0, RLIMIT_AS, 0, reinterpret_cast<long>(&limit));
  if (limit.rlim_cur == RLIM_INFINITY) return kMappedMost;
  return std::clamp<std::size_t>(limit.rlim_cur / kShareOfTheLimit, kMappedLeast, kMappedMost) / kPage * kPage;
}

std::size_t whole_pages(std::size_t bytes) noexcept { return (bytes + kPage - 1) / kPage * kPage; }

// Gives [from, to) disk blocks. 0 or errno. Never raises SIGXFSZ: the limit is looked at first.
int allocate(int fd, std::size_t from, std::size_t to) noexcept {
  rlimit limit{};
  raw_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, reinterpret_cast<long>(&limit));
  if (limit.rlim_cur != RLIM_INFINITY && to > limit.rlim_cur) return EFBIG;
  int error = EINTR;
  while (error == EINTR) error = posix_fallocate(fd, static_cast<off_t>(from), static_cast<off_t>(to - from));
  return error;
}

}  // namespace

int RecordFile::open(std::string_view folder, std::string_view name, int pid) noexcept {
  error_ = create(folder, name, pid);
  if (error_ == 0) error_ = map();
  return error_;
}

int RecordFile::create(std::string_view folder, std::string_view name, int pid) noexcept {
  PathText directory;
  directory << folder;
  if (const int error = make_folders(directory); error != 0) return error;
  constexpr int kMostNames = 1000;
  for (int attempt = 1; attempt <= kMostNames; ++attempt) {
    PathText path;
    path << folder << "/" << name << "." << pid;
    if (attempt > 1) path << "." << attempt;
    path << ".jsonl";
    if (path.full()) return ENAMETOOLONG;
    const long fd = raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path.c_str()),
                                O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd == -EEXIST) continue;
    if (fd < 0) return static_cast<int>(-fd);
    fd_ = move_high(static_cast<int>(fd));
    path_ = keep_text(path.view());
    struct stat made {};
    raw_syscall(SYS_fstat, fd_, reinterpret_cast<long>(&made));
    device_ = made.st_dev;
    inode_ = made.st_ino;
    return 0;
  }
  return EEXIST;
}

int RecordFile::map() noexcept {
  int error = allocate(fd_, 0, kFirstChunk);
  if (error == 0) {
    for (std::size_t bytes = longest_mapping(); bytes >= kMappedLeast; bytes = bytes / 4 / kPage * kPage) {
      const long at = raw_syscall(SYS_mmap, 0, static_cast<long>(bytes), PROT_NONE, MAP_SHARED, fd_, 0);
      if (at > 0) {
        note_own_mapping(static_cast<std::uintptr_t>(at), bytes);
        base_ = reinterpret_cast<char*>(at);
        mapped_ = bytes;
        if (error = protect(0, kFirstChunk, PROT_READ | PROT_WRITE); error != 0) break;
        allocated_ = kFirstChunk;
        raw_syscall(SYS_madvise, at, static_cast<long>(bytes), MADV_DONTDUMP);
        return 0;
      }
      error = static_cast<int>(-at);
    }
  }
  raw_syscall(SYS_unlink, reinterpret_cast<long>(path_.data()));
  abandon();
  return error;
}

int RecordFile::protect(std::size_t from, std::size_t to, int rights) noexcept {
  const std::size_t first = whole_pages(from);
  const std::size_t end = whole_pages(to);
  if (first >= end) return 0;
  return static_cast<int>(
      -raw_syscall(SYS_mprotect, reinterpret_cast<long>(base_ + first), static_cast<long>(end - first), rights));
}

bool RecordFile::fd_is_ours() noexcept {
  struct stat found {};
  return fd_ >= 0 && raw_syscall(SYS_fstat, fd_, reinterpret_cast<long>(&found)) == 0 && found.st_dev == device_ &&
         found.st_ino == inode_;
}

bool RecordFile::have_fd() noexcept {
  if (fd_is_ours()) return true;
  // The program closed it, and may use the number for something of its own by now: leave that alone.
  const long fd =
      raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path_.data()), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return error_ = static_cast<int>(-fd), false;
  fd_ = move_high(static_cast<int>(fd));
  if (fd_is_ours()) return true;
  raw_syscall(SYS_close, fd_);
  fd_ = -1;
  error_ = ESTALE;
  return false;
}

bool RecordFile::reserve(std::size_t bytes) noexcept {
  if (used_ + bytes <= allocated_) return true;
  if (used_ + bytes > mapped_) return error_ = EFBIG, false;
  if (confinement::forbids_the_end()) return error_ = EPERM, false;
  if (!have_fd()) return false;
  const std::size_t chunk = std::clamp(allocated_, kFirstChunk, kLargestChunk);
  // A full chunk first; when the disk (or a limit) has less, only what this record needs.
  for (const std::size_t wanted : {std::min(std::max(allocated_ + chunk, used_ + bytes), mapped_), used_ + bytes}) {
    error_ = allocate(fd_, allocated_, wanted);
    if (error_ == 0) error_ = protect(allocated_, wanted, PROT_READ | PROT_WRITE);
    if (error_ == 0) {
      allocated_ = wanted;
      return true;
    }
  }
  return false;
}

bool RecordFile::append(std::string_view object) noexcept {
  if (base_ == nullptr || object.size() < 2 || object.back() != '}') return false;
  const FramedRecord record(object);
  const auto parts = record.parts();
  std::size_t total = 0;
  for (const std::string_view part : parts) total += part.size();
  if (!reserve(total)) return false;
  char* at = base_ + used_;
  for (const std::string_view part : parts) {
    std::memcpy(at, part.data(), part.size());
    at += part.size();
  }
  used_ += total;
  return true;
}

void RecordFile::trim() noexcept {
  if (base_ == nullptr || allocated_ == used_ || confinement::forbids_the_end() || !have_fd()) return;
  if (raw_syscall(SYS_ftruncate, fd_, static_cast<long>(used_)) != 0) return;
  protect(used_, allocated_, PROT_NONE);
  allocated_ = used_;
}

void RecordFile::abandon() noexcept {
  if (base_ != nullptr) forget_own_mapping(reinterpret_cast<std::uintptr_t>(base_));
  if (base_ != nullptr) raw_syscall(SYS_munmap, reinterpret_cast<long>(base_), static_cast<long>(mapped_));
  if (fd_is_ours()) raw_syscall(SYS_close, fd_);
  base_ = nullptr;
  mapped_ = used_ = allocated_ = 0;
  fd_ = -1;
  path_ = {};
}

}  // namespace vigil::shim
