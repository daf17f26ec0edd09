// spdlog, behind a door of two functions: this file alone is compiled with exceptions, and none leaves it.
#include "interpose/log.hpp"

#define SPDLOG_HEADER_ONLY
#define FMT_HEADER_ONLY
#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/syscall.h>

#include <memory>

#include "interpose/fixed_text.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/say.hpp"

namespace vigil::shim {
namespace {

// Each line is one raw write. The file is opened for each: no descriptor of ours stays among the program's.
class RawSink final : public spdlog::sinks::base_sink<FutexLock> {
 public:
  explicit RawSink(std::string_view path) : path_(path) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    if (path_.empty()) return say_raw({text.data(), text.size()});
    const long fd = raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path_.data()),
                                O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return;
    raw_syscall(SYS_write, fd, reinterpret_cast<long>(text.data()), static_cast<long>(text.size()));
    raw_syscall(SYS_close, fd);
  }
  void flush_() override {}

 private:
  std::string_view path_;  // absolute, NUL behind it; empty: standard error
};

constinit spdlog::logger* logger = nullptr;  // immortal

constexpr spdlog::level::level_enum spdlog_level(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::Error:
      return spdlog::level::err;
    case LogLevel::Warn:
      return spdlog::level::warn;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Trace:
      return spdlog::level::trace;
    case LogLevel::Off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

void start_log() noexcept {
  if (options().log_level == LogLevel::Off || logger != nullptr) return;
  try {
    const std::string_view path = options().log_path;
    auto sink = std::make_shared<RawSink>(path.empty() ? path : keep_absolute(path));
    logger = new spdlog::logger("vigil", std::move(sink));
    logger->set_level(spdlog_level(options().log_level));
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e vigil[%P] %l: %v");
  } catch (...) {
    logger = nullptr;
    say("the log could not be started");
  }
}

bool log_on(LogLevel level) noexcept { return logger != nullptr && level <= options().log_level; }

void log_line(LogLevel level, std::string_view text) noexcept {
  if (!log_on(level) || stage() != Stage::Live) return;
  const InsideGuard inside;
  try {
    logger->log(spdlog_level(level), "{}", text);
  } catch (...) {
    logger = nullptr;  // a log that fails once is no use
  }
}

}  // namespace vigil::shim
