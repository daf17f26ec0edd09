// RecordFile: appends whole records to a file through a shared mapping, so that they survive any death of the process.
//
// Invariants while open:
//   I1  [0, used_) holds whole records; [used_, allocated_) is NUL bytes with disk blocks behind them, so that a store
//   there
//       cannot fail for lack of space (a sparse page on a full disk would be a SIGBUS in the program).
//   I2  the mapping is longer than the file may grow; only [0, allocated_) of it is touched. Nobody may read the pages
//       beyond: a reader of all readable memory (a leak checker, a dumper) would get a SIGBUS for each word of them.
//   I3  descriptor fd_ is a convenience: a program that closes it (closefrom) costs us one reopening by path.
// Not safe from several threads: the finding writer's lock guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vigil::shim {

class RecordFile {
 public:
  constexpr RecordFile() noexcept = default;
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  // Creates <folder>/<name>.<pid>.jsonl, or <name>.<pid>.2.jsonl and so on when that is taken. Makes the folder (0700)
  // and its parents. 0, or the errno of what failed.
  int open(std::string_view folder, std::string_view name, int pid) noexcept;
  // `object` is a JSON object; its last brace gives way to the checksum. False: no room, nothing was written.
  bool append(std::string_view object) noexcept;
  // Cuts the file to what is used. Appending afterwards still works.
  void trim() noexcept;
  // In a child that got the mapping by fork: forgets it without touching the file.
  void abandon() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return base_ != nullptr; }
  [[nodiscard]] std::string_view path() const noexcept { return path_; }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] int last_error() const noexcept { return error_; }

 private:
  int create(std::string_view folder, std::string_view name, int pid) noexcept;
  int map() noexcept;
  // The rights to the pages behind [0, from), up to the last of [0, to). 0 or errno.
  int protect(std::size_t from, std::size_t to, int rights) noexcept;
  bool reserve(std::size_t bytes) noexcept;
  bool fd_is_ours() noexcept;
  bool have_fd() noexcept;

  char* base_ = nullptr;
  std::size_t mapped_ = 0;     // bytes of address space
  std::size_t used_ = 0;       // bytes
  std::size_t allocated_ = 0;  // bytes with disk blocks
  int fd_ = -1;
  int error_ = 0;  // errno of the last failure
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::string_view path_;  // absolute
};

}  // namespace vigil::shim
