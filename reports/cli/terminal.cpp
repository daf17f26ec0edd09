#include "reports/cli/terminal.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>

#include "reports/cli/say.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/utf8.hpp"

namespace vigil::reports {
namespace {

constexpr std::chrono::milliseconds kBetweenLines{100};  // two progress lines
constexpr std::size_t kMuchWork = 100;                   // steps
constexpr std::size_t kProgressWidth = 72;               // bytes of a line: one that wraps cannot be taken back

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no other thread
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::string_view code_of(Colour colour) noexcept {
  switch (colour) {
    case Colour::Plain:
      return "";
    case Colour::Bold:
      return "\x1b[1m";
    case Colour::Quiet:
      return "\x1b[2m";
    case Colour::Good:
      return "\x1b[32m";
    case Colour::Warn:
      return "\x1b[33m";
    case Colour::Bad:
      return "\x1b[1;31m";
  }
  return "";
}

}  // namespace

bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1 && variable("TERM") != "dumb"; }

bool wants_colour(std::FILE* stream) { return variable("NO_COLOR").empty() && is_terminal(stream); }

std::string painted(std::FILE* stream, Colour colour, std::string_view text) {
  const std::string_view code = code_of(colour);
  return code.empty() || !wants_colour(stream) ? std::string(text) : fmt::format("{}{}\x1b[0m", code, text);
}

Colour colour_of(const Report& report) {
  const Summary summary = summary_of(report);
  return summary.new_errors != 0 ? Colour::Bad : summary.errors + summary.warnings != 0 ? Colour::Warn : Colour::Good;
}

Progress::Progress(std::string_view what, std::size_t total)
    : what_(what), total_(total), is_on_(is_terminal(stderr)), next_(std::chrono::steady_clock::now()) {
  if (total < kMuchWork) next_ += kBetweenLines;
}

Progress::~Progress() {
  if (shown_) tell("\r\x1b[K");
}

void Progress::step() {
  ++done_;
  if (!is_on_ || std::chrono::steady_clock::now() < next_) return;
  next_ = std::chrono::steady_clock::now() + kBetweenLines;
  show(fmt::format("{} {} of {}", what_, done_, total_));
}

void Progress::now(std::string_view what) {
  if (is_on_) show(what.substr(0, kProgressWidth));
}

void Progress::show(std::string_view line) {
  shown_ = true;
  tell("\r\x1b[K{}", show_deceptive(line));
  std::fflush(stderr);
}

void tell_end(Colour colour, std::string_view verdict, std::string_view path, std::string_view next) {
  fmt::print("{}{}{}\n", painted(stdout, colour, show_deceptive(verdict)), path.empty() ? "" : " - ",
             show_deceptive(path));
  if (!next.empty()) fmt::print("{} {}\n", painted(stdout, Colour::Quiet, "next:"), show_deceptive(next));
}

}  // namespace vigil::reports
