#include "reports/render/words.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "reports/model/options.hpp"
#include "reports/model/phrases.hpp"

namespace vigil::reports {
namespace {

std::string_view base_name(std::string_view path) noexcept { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%") ==
                                          std::string::npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + '\'';
}

std::string actor_words(const Actor& actor) {
  if (actor.type == "thread" && actor.id == 1) return "main thread";
  std::string text = fmt::format("{} {}", actor.type, actor.id);
  if (!actor.name.empty()) text += fmt::format(" ({})", actor.name);
  return text;
}

std::string duration_words(std::int64_t milliseconds) {
  if (milliseconds < 1000) return fmt::format("{} ms", milliseconds);
  const std::int64_t seconds = milliseconds / 1000;
  if (seconds < 60) return fmt::format("{}.{} s", seconds, milliseconds % 1000 / 100);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

std::string object_words(const Object& object) {
  std::string text = fmt::format("{} {}", type_words(object.type), object.id);
  if (!object.name.empty()) text += fmt::format(" `{}`", object.name);
  if (object.capacity >= 0) {
    if (object.type == "channel" || object.type == "semaphore") {
      text += object.capacity == 0 ? ", unbuffered" : fmt::format(", capacity {}", object.capacity);
    } else {
      text += fmt::format(", {} byte{}", object.capacity, object.capacity == 1 ? "" : "s");
    }
  }
  return text;
}

std::string place_words(const Frame& frame) {
  if (!frame.file.empty()) return frame.line == 0 ? frame.file : fmt::format("{}:{}", frame.file, frame.line);
  if (!frame.module.empty()) return fmt::format("{}+{:#x}", base_name(frame.module), frame.offset);
  return fmt::format("{:#x}", frame.offset);
}

std::string participant_words(const Finding& finding, const Participant& participant) {
  std::string text;
  if (!participant.actor.state.empty()) text = participant.actor.state;
  if (participant.waited_ms >= 0)
    text += fmt::format("{}for {}", text.empty() ? "" : " ", duration_words(participant.waited_ms));
  if (!participant.operation.empty()) {
    if (!text.empty()) text += ": ";
    text += operation_phrase(finding, participant);
  }
  return text;
}

std::string tasks_words(const Tasks& tasks) {
  return fmt::format("{} started, {} finished, {} alive at most, {} alive at the end", tasks.started, tasks.finished,
                     tasks.peak_alive, tasks.alive_at_end);
}

std::string command_words(const Program& program) {
  std::string text;
  for (const std::string& arg : program.args) {
    if (!text.empty()) text += ' ';
    text += shell_word(arg);
  }
  return text.empty() ? program.path : text;
}

std::string reproduce_words(const Report& report) {
  const Program& program = report.program;
  if (program.path.empty()) return {};
  // Where a report goes and how it ends a run decide nothing about what happens in it.
  constexpr std::array<std::string_view, 7> kOnlyAboutTheReport{"report_dir", "formats",  "exitcode", "log_level",
                                                                "log_path",   "baseline", "help"};
  std::string text = program.cwd.empty() ? "vigil run" : fmt::format("cd {} && vigil run", shell_word(program.cwd));
  for (const auto& [name, value] : parse_options(report.options)) {
    if (std::find(kOnlyAboutTheReport.begin(), kOnlyAboutTheReport.end(), name) == kOnlyAboutTheReport.end())
      text += fmt::format(" {}", shell_word(fmt::format("--{}={}", name, value)));
  }
  text += fmt::format(" -- {}", shell_word(program.path));
  for (std::size_t i = 1; i < program.args.size(); ++i) text += fmt::format(" {}", shell_word(program.args[i]));
  return text;
}

std::string capitalised(std::string text) {
  const std::size_t end = text.find(' ');
  if (text.substr(0, end).find_first_of("0123456789") != std::string::npos) return text;
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

}  // namespace vigil::reports
