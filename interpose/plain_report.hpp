// The fallback report: findings as text on standard error, when no vigil command can make a better one.
#pragma once

namespace vigil::shim {

// Prints the kept findings, bounded in number and length, with names for the frames where they can be found.
void print_kept_findings() noexcept;

}  // namespace vigil::shim
