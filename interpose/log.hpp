// The shim's own log (options log_level, log_path; off by default). For cold paths only: it allocates through the host.
#pragma once

#include <string_view>

#include "interpose/options.hpp"

namespace vigil::shim {

// Once, while Starting, after the options are known.
void start_log() noexcept;
bool log_on(LogLevel level) noexcept;
// Not from a signal handler.
void log_line(LogLevel level, std::string_view text) noexcept;

}  // namespace vigil::shim
