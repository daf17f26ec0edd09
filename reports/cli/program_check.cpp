#include "reports/cli/program_check.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "reports/cli/exit_codes.hpp"

namespace vigil::reports {
namespace {

constexpr int kDeepestScript = 4;  // interpreters of interpreters, as the kernel allows

ProgramCheck refuse(int status, std::string problem) { return {status, std::move(problem), {}}; }

class File {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
  // False when the file ends before.
  bool read(void* to, std::size_t bytes, std::uint64_t offset) const noexcept {
    return ::pread(fd_, to, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
  }
  // What is there of the first bytes.
  [[nodiscard]] std::string start(std::size_t bytes) const {
    std::string text(bytes, '\0');
    const ssize_t got = ::pread(fd_, text.data(), bytes, 0);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }

 private:
  int fd_;
};

std::optional<std::string> find_in_path(const std::string& command) {
  if (command.find('/') != std::string::npos) return command;
  const char* variable = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): no other thread
  std::string_view folders = variable == nullptr ? "/usr/local/bin:/usr/bin:/bin" : variable;
  std::optional<std::string> not_executable;
  while (true) {
    const std::size_t colon = folders.find(':');
    const std::string_view folder = folders.substr(0, colon);
    std::string path = folder.empty() ? command : fmt::format("{}/{}", folder, command);
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      if (::access(path.c_str(), X_OK) == 0) return path;
      if (!not_executable) not_executable = path;
    }
    if (colon == std::string_view::npos) return not_executable;
    folders.remove_prefix(colon + 1);
  }
}

// Reasons for which the kernel makes the loader ignore LD_PRELOAD.
std::string privilege_of(const std::string& path, const struct stat& status) {
  struct statvfs mount {};
  const bool honours_setuid = ::statvfs(path.c_str(), &mount) != 0 || (mount.f_flag & ST_NOSUID) == 0;
  if (!honours_setuid) return {};
  if ((status.st_mode & S_ISUID) != 0 && status.st_uid != ::geteuid()) return "setuid";
  if ((status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0 && status.st_gid != ::getegid())
    return "setgid";
  if (::geteuid() != 0 && ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0)
    return "given file capabilities";
  return {};
}

ProgramCheck check_elf(const std::string& path, const File& file) {
  Elf64_Ehdr header{};
  if (!file.read(&header, sizeof header, 0))
    return refuse(kCannotExecute, fmt::format("{} is cut off: it is no whole program", path));
  if (header.e_ident[EI_CLASS] != ELFCLASS64)
    return refuse(kShimDidNotStart, fmt::format("{} is a 32-bit program; vigil's shim is 64-bit", path));
  if (header.e_machine != EM_X86_64)
    return refuse(kShimDidNotStart, fmt::format("{} is made for another processor than vigil's shim", path));
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
    return refuse(kCannotExecute, fmt::format("{} is no program (an object or core file?)", path));
  constexpr std::size_t kMostSegments = 4096;
  for (std::size_t i = 0; i < header.e_phnum && i < kMostSegments; ++i) {
    Elf64_Phdr segment{};
    if (!file.read(&segment, sizeof segment, header.e_phoff + i * sizeof segment)) break;
    if (segment.p_type != PT_INTERP) continue;
    std::array<char, 4096> loader{};
    if (segment.p_filesz >= loader.size() || !file.read(loader.data(), segment.p_filesz, segment.p_offset)) break;
    if (std::string_view(loader.data()).find("ld-musl") != std::string_view::npos) {
      return refuse(kShimDidNotStart, fmt::format("{} is built for musl; vigil's shim needs the GNU C library", path));
    }
    return {0, {}, path};
  }
  return refuse(
      kShimDidNotStart,
      fmt::format(
          "{} is statically linked: nothing can be preloaded into it, so vigil would see nothing. Link it dynamically",
          path));
}

// The interpreter of "#!/usr/bin/env python3" is python3 as PATH has it.
std::optional<std::string> interpreter_of(std::string_view start) {
  start.remove_prefix(2);
  std::string_view line = start.substr(0, start.find('\n'));
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::size_t from = line.find_first_not_of(" \t\r");
    if (from == std::string_view::npos) break;
    const std::size_t end = line.find_first_of(" \t\r", from);
    words.emplace_back(line.substr(from, end == std::string_view::npos ? end : end - from));
    line = end == std::string_view::npos ? std::string_view() : line.substr(end);
  }
  if (words.empty()) return std::nullopt;
  if (words.size() == 2 && words[0].ends_with("/env") && words[1].find('=') == std::string::npos)
    return find_in_path(words[1]);
  return words[0];
}

ProgramCheck check_file(const std::string& path, int depth) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return refuse(errno == ENOENT || errno == ENOTDIR ? kNotFound : kCannotExecute,
                  fmt::format("{}: {}", path, std::strerror(errno)));
  }
  if (S_ISDIR(status.st_mode)) return refuse(kCannotExecute, fmt::format("{} is a folder", path));
  if (::access(path.c_str(), X_OK) != 0)
    return refuse(kCannotExecute, fmt::format("{} is not executable: {}", path, std::strerror(errno)));
  const std::string privilege = privilege_of(path, status);
  if (!privilege.empty()) {
    return refuse(kShimDidNotStart,
                  fmt::format("{} is {}: the loader preloads nothing into privileged programs", path, privilege));
  }
  const File file(path);
  if (!file.open()) return {0, {}, path};  // executable but not readable: the handshake will tell
  const std::string start = file.start(512);
  if (start.starts_with(ELFMAG)) return check_elf(path, file);
  if (!start.starts_with("#!"))
    return refuse(kCannotExecute, fmt::format("{} is neither a program nor a script with #!", path));
  const auto interpreter = interpreter_of(start);
  if (!interpreter || depth >= kDeepestScript)
    return refuse(kCannotExecute, fmt::format("{} names no interpreter after #!", path));
  ProgramCheck check = check_file(*interpreter, depth + 1);
  if (check.status == kNotFound) check.status = kCannotExecute;
  if (check.status != 0) check.problem = fmt::format("{} (the interpreter of {})", check.problem, path);
  check.path = path;
  return check;
}

}  // namespace

ProgramCheck check_program(const std::string& command) {
  if (command.empty()) return refuse(kNotFound, "the program's name is empty");
  const auto path = find_in_path(command);
  if (!path) return refuse(kNotFound, fmt::format("there is no program '{}' in PATH", command));
  return check_file(*path, 0);
}

}  // namespace vigil::reports
