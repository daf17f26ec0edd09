// What the process was when it started: kept, because a program may change all of it before the end.
#pragma once

#include <cstdint>
#include <string_view>

#include "interpose/own_memory.hpp"

namespace vigil::shim {

struct ProcessInfo {
  std::string_view path;  // absolute path of the program's file
  std::string_view name;  // its last component, made safe for a file name
  std::string_view cwd;
  std::string_view shim_path;  // absolute path of this library
  OwnVector<std::string_view> args;
  OwnVector<std::string_view> environment;  // each "NAME=value", followed by a NUL
  std::int64_t started_at_ns = 0;           // since the epoch
  std::int64_t started_steady_ns = 0;
  int pid = 0;
};

// Takes the picture. Once, while Starting.
void take_process_info() noexcept;
// After a fork, in a child that starts afresh.
void refresh_process_info_after_fork() noexcept;
const ProcessInfo& process_info() noexcept;
// The value of a variable in the environment at the start, "" when it is not set.
std::string_view environment_value(std::string_view name) noexcept;

// Whether this is the process that the shim's state belongs to: false in the child of a vfork or of a raw fork.
bool in_own_process() noexcept;
std::int64_t steady_now_ns() noexcept;

// A copy that lives until the process ends, with a NUL behind it.
std::string_view keep_text(std::string_view text) noexcept;
// Relative paths are taken from the folder the program started in.
std::string_view keep_absolute(std::string_view path) noexcept;

}  // namespace vigil::shim
