// What the command has to say beside its results: one line each on standard error, "vigil: ...". Text that comes from
// elsewhere goes through show_deceptive() first.
//
// spdlog writes them, and only say.cpp sees it: its header takes longer to compile than any verb.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace vigil::reports {

enum class Severity : bool { Info, Error };
void say_line(Severity severity, std::string_view line);

template <class... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  say_line(Severity::Info, fmt::format(format, std::forward<Arguments>(arguments)...));
}

template <class... Arguments>
void say_error(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  say_line(Severity::Error, fmt::format(format, std::forward<Arguments>(arguments)...));
}

// A text as it is, its line's end included. Where standard error is closed or full it is lost, and that is all: what a
// run came to must not depend on who listens.
void tell_text(std::string_view text) noexcept;

template <class... Arguments>
void tell(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  tell_text(fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace vigil::reports
