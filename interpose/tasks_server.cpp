#include "interpose/tasks_server.hpp"

#include <linux/close_range.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "interpose/finding_writer.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/helper.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/record_framing.hpp"
#include "interpose/state.hpp"
#include "interpose/writer_state.hpp"

namespace vigil::shim::tasks_server {
namespace {

enum class Status : std::uint8_t {
  Absent,  // not started, or the system did not let it
  Idle,
  Busy,  // looks at the program, and may hold any lock of ours
};
constinit std::atomic<bool> started{false};
// seq_cst by default: not hot. Who forks reads it.
constinit std::atomic<Status> status{Status::Absent};

// From here no descriptor of the program is open on this thread, and none of ours on its.
bool take_a_table_of_our_own() noexcept {
  constexpr long kLast = 0xffff'ffff;
  return raw_syscall(SYS_close_range, 0, kLast, CLOSE_RANGE_UNSHARE) == 0;
}

// The listening socket, or a negative errno.
int listen_by_name() noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  FixedText<64> name;
  name << "vigil-tasks-" << process_info().pid;
  std::memcpy(address.sun_path + 1, name.view().data(), name.view().size());
  const std::size_t bytes = offsetof(sockaddr_un, sun_path) + 1 + name.view().size();
  const auto socket = static_cast<int>(raw_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket < 0) return socket;
  constexpr int kMostWaiting = 8;
  long rc = raw_syscall(SYS_bind, socket, reinterpret_cast<long>(&address), static_cast<long>(bytes));
  if (rc == 0) rc = raw_syscall(SYS_listen, socket, kMostWaiting);
  return rc == 0 ? socket : static_cast<int>(rc);
}

bool may_ask(int connection) noexcept {
  ucred peer{};
  socklen_t bytes = sizeof(peer);
  if (raw_syscall(SYS_getsockopt, connection, SOL_SOCKET, SO_PEERCRED, reinterpret_cast<long>(&peer),
                  reinterpret_cast<long>(&bytes)) != 0) {
    return false;
  }
  return peer.uid == 0 || peer.uid == static_cast<uid_t>(raw_syscall(SYS_geteuid));
}

void send_all(int connection, std::string_view text) noexcept {
  const timeval patience{1, 0};
  raw_syscall(SYS_setsockopt, connection, SOL_SOCKET, SO_SNDTIMEO, reinterpret_cast<long>(&patience), sizeof(patience));
  while (!text.empty()) {
    const long sent = raw_syscall(SYS_sendto, connection, reinterpret_cast<long>(text.data()),
                                  static_cast<long>(text.size()), MSG_NOSIGNAL, 0, 0);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

class Answer {
 public:
  void add(const JsonText& object) noexcept {
    const FramedRecord record(object.view());
    for (const std::string_view part : record.parts()) text_.insert(text_.end(), part.begin(), part.end());
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), text_.size()}; }

 private:
  OwnVector<char> text_;
};

void compose(Answer& answer) noexcept {
  // First what is alive now, which may name modules that were not known before.
  JsonText state;
  const bool known = state_of_all(state);
  JsonText header;
  header_json(header);
  answer.add(header);
  for (std::uint32_t module = 1; module <= module_count(); ++module) {
    JsonText json;
    module_json(json, module);
    answer.add(json);
  }
  JsonText counts;
  if (task_counts(counts)) answer.add(counts);
  if (known) answer.add(state);
}

void serve(void* /*context*/) noexcept {
  if (!take_a_table_of_our_own()) return;
  const int listening = listen_by_name();
  if (listening < 0) return;
  status.store(Status::Idle);
  while (true) {
    const auto connection = static_cast<int>(raw_syscall(SYS_accept4, listening, 0, 0, SOCK_CLOEXEC));
    if (connection < 0) {
      const timespec moment{0, 100'000'000};
      if (connection != -EINTR) raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&moment), 0);
      continue;
    }
    status.store(Status::Busy);
    if (stage() == Stage::Live && may_ask(connection)) {
      const WithoutAnnouncements quiet;
      Answer answer;
      compose(answer);
      send_all(connection, answer.view());
    }
    raw_syscall(SYS_close, connection);
    status.store(Status::Idle);
  }
}

}  // namespace

void start() noexcept {
  if (started.exchange(true, std::memory_order_relaxed)) return;
  if (!start_helper(serve, nullptr)) started.store(false, std::memory_order_relaxed);
}

bool is_idle() noexcept { return status.load() == Status::Idle; }

void forked() noexcept {
  started.store(false, std::memory_order_relaxed);
  status.store(Status::Absent);
}

}  // namespace vigil::shim::tasks_server
