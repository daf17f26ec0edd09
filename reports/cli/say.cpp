#include "reports/cli/say.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

namespace vigil::reports {

void say_line(Severity severity, std::string_view line) {
  static const auto kLogger = [] {
    auto logger = spdlog::stderr_color_st("vigil");
    logger->set_pattern("vigil: %v");
    return logger;
  }();
  // Without spdlog's own formatting, whose templates are most of what it costs to compile it.
  kLogger->log(severity == Severity::Error ? spdlog::level::err : spdlog::level::info, line);
}

void tell_text(std::string_view text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stderr);  // fmt::print() throws when that fails
}

}  // namespace vigil::reports
