// vigil tasks PID: asks the shim in a running program for its tasks and shows them (docs/tasks_protocol.md).
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "reports/cli/command_line.hpp"
#include "reports/cli/commands.hpp"
#include "reports/cli/exit_codes.hpp"
#include "reports/cli/say.hpp"
#include "reports/load/record_file.hpp"
#include "reports/model/options.hpp"
#include "reports/model/sources.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/text.hpp"
#include "reports/render/words.hpp"
#include "reports/symbolize/symbolizer.hpp"

namespace vigil::reports {
namespace {

constexpr int kTries = 20;  // a program that is busy may not hold still at once
constexpr std::chrono::milliseconds kBetweenTries{100};
constexpr std::size_t kMostBytes = std::size_t{256} << 20U;  // of an answer
constexpr timeval kPatience{10, 0};

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

// The process id as the process itself sees it: the last of NSpid. Nothing when there is no such process.
std::optional<long> inner_pid(long pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  if (!status) return std::nullopt;
  std::string line;
  while (std::getline(status, line)) {
    if (!line.starts_with("NSpid:")) continue;
    const std::string last = line.substr(line.find_last_of("\t ") + 1);
    long inner = pid;
    std::from_chars(last.data(), last.data() + last.size(), inner);
    return inner;
  }
  return pid;
}

// False, with error set, when nobody answers for that process.
bool connect_to(int socket, long pid, long inner, std::string& error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("vigil-tasks-{}", inner);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    error =
        errno == ECONNREFUSED
            ? fmt::format("process {} does not run under vigil, or has had neither a task nor a second thread yet", pid)
            : fmt::format("cannot ask process {}: {}", pid, std::strerror(errno));
    return false;
  }
  ucred peer{};
  socklen_t peer_size = sizeof peer;
  // Any process may take such a name.
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) != 0 || peer.pid != pid) {
    error = fmt::format("process {} answers in the place of process {}; it is not asked", peer.pid, pid);
    return false;
  }
  return true;
}

// One answer, whole, as a file in memory.
bool receive(long pid, long inner, int into, std::string& error) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!connect_to(socket.get(), pid, inner, error)) return false;
  std::array<char, 65536> block{};
  std::size_t total = 0;
  while (true) {
    const ssize_t got = ::read(socket.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      error = fmt::format("process {} does not answer: {}", pid, std::strerror(errno));
      return false;
    }
    if (got == 0) break;
    total += static_cast<std::size_t>(got);
    if (total > kMostBytes || ::write(into, block.data(), static_cast<std::size_t>(got)) != got) {
      error = fmt::format("the answer of process {} is too long", pid);
      return false;
    }
  }
  if (total != 0) return true;
  error = fmt::format("process {} does not tell: only root and the user it runs as may ask", pid);
  return false;
}

std::optional<RecordFile> ask(long pid, std::string& error) {
  const auto inner = inner_pid(pid);
  if (!inner) {
    error = fmt::format("there is no process {}", pid);
    return std::nullopt;
  }
  for (int i = 0; i < kTries; ++i) {
    const Descriptor file(::memfd_create("answer", MFD_CLOEXEC));
    if (!receive(pid, *inner, file.get(), error)) return std::nullopt;
    auto record = read_record_file(fmt::format("/proc/self/fd/{}", file.get()), error);
    if (!record) {
      error = fmt::format("process {} answers with what is no record", pid);
      return std::nullopt;
    }
    if (!record->state.empty()) return record;
    std::this_thread::sleep_for(kBetweenTries);
  }
  error = fmt::format("the tasks of process {} do not hold still to be looked at; try again", pid);
  return std::nullopt;
}

// Where the program's record lies, when nobody has moved it.
std::string record_of(const Report& report) {
  namespace fs = std::filesystem;
  const fs::path folder = option_text(parse_options(report.options), "report_dir", "vigil-reports");
  const std::string program = fs::path(report.program.path).filename().string();
  return fs::path(report.program.cwd) / folder / fmt::format("{}.{}.jsonl", program, report.program.pid);
}

int run_tasks(const std::string& text) {
  long pid = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (wrong != std::errc() || end != text.data() + text.size() || pid <= 0) {
    say_error("a process id is a number, not '{}'", show_deceptive(text));
    return kUsage;
  }
  std::string error;
  const auto record = ask(pid, error);
  if (!record) {
    say_error("{}", show_deceptive(error));
    return kFailed;
  }
  Symbolizer symbolizer(record->started_at);
  Report report = to_report(*record, symbolizer);
  report.notes = symbolizer.notes();  // those of a record that ends speak of an end
  fmt::print("{}", render_tasks(report));
  const std::string found_so_far = record_of(report);
  if (::access(found_so_far.c_str(), R_OK) == 0)
    fmt::print("\nnext: what was found so far: vigil report --formats=text --out=- {}\n",
               show_deceptive(shell_word(found_so_far)));
  return kClean;
}

}  // namespace

Action add_tasks_command(CommandLine& line) {
  auto pid = std::make_shared<std::string>();
  line.add_verb("tasks", "Show the tasks and threads of a running program, with stacks")
      .takes("pid", *pid, "PID", "Process id of a program that runs under vigil", Need::Must)
      .footer(
          "The program runs on; it waits while it is looked at, a tenth of a second at most. Only root and the user it "
          "runs "
          "as may ask.\n\n"
          "Examples:\n"
          "  vigil tasks $(pidof server)\n"
          "  kill -QUIT $(pidof server)      the same on the program's own standard error\n");
  return [pid] { return run_tasks(*pid); };
}

}  // namespace vigil::reports
