// The shim's own log (options log_level, log_path; off by default). For cold paths only: it allocates through the host.
#pragma once

#include <string_view>

#include "interpose/options.hpp"

namespace vigil::shim {

// Once, while Starting, after the options are known.
void start_log() noexcept;
bool log_on(LogLevel level) noexcept;
// Says nothing once the end has begun: that may be a signal handler on a thread that was inside malloc.
void log_line(LogLevel level, std::string_view text) noexcept;

}  // namespace vigil::shim
