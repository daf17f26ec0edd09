#include "interpose/task_dump.hpp"

#include <algorithm>
#include <string_view>

#include "interpose/look.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/say.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/symbolize.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim {
namespace {

constexpr std::uint64_t kDumpPauseNs = 1'000'000'000;
constexpr std::size_t kMostDumped = 500;
constexpr std::int64_t kMinuteMs = 60'000;

using FrameLines = FixedText<2 * sizeof(FrameText)>;

// What steers a terminal, or would begin a line of its own, is shown as '?': names come from the program.
void add_plain(FrameLines& lines, std::string_view text) noexcept {
  for (const char c : text) {
    const bool steers = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    lines << std::string_view(steers ? "?" : &c, 1);
  }
}

// The two lines of a frame. is_call: Go closes a function of a stack with its arguments, and a creator without.
FrameLines lines_of(StackId stack, std::size_t frame, const FrameName& name, bool is_call) noexcept {
  const ModuleOffset at = locate(stack, frame);
  const std::string_view module = at.module == 0 ? "?" : std::string_view(module_info(at.module).path);
  FrameLines lines;
  add_plain(lines, name.function.view().empty() ? "??" : name.function.view());
  if (is_call && !lines.view().ends_with(')')) lines << "(...)";
  lines << "\n\t";
  if (name.line != 0) {
    add_plain(lines, name.file.view());
    lines << ":" << name.line << "\n";
  } else {
    add_plain(lines, module);
    lines << ":0 +0x";
    lines.hex(at.offset) << "\n";
  }
  return lines;
}

bool is_ours(StackId stack, std::size_t frame) noexcept {
  const ModuleOffset at = locate(stack, frame);
  return at.module != 0 && module_info(at.module).is_vigil;
}

// Without what the runtime has below a task's first function; Go does not show that either.
void print_stack(StackId stack) noexcept {
  const auto frames = frames_of(stack);
  std::size_t count = frames.size();
  while (count > 1 && is_ours(stack, count - 1)) --count;
  for (std::size_t i = 0; i < count; ++i) {
    FrameName name;
    symbolize(frames[i], name);
    say_raw(lines_of(stack, i, name, true).view());
  }
}

// Who called go(): the first frame that is neither in a library of ours nor of a template of ours.
void print_creator(StackId stack) noexcept {
  const auto frames = frames_of(stack);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (is_ours(stack, i)) continue;
    FrameName name;
    symbolize(frames[i], name);
    const std::string_view function = name.function.view();
    const std::size_t own = function.find("vigil::");
    if (own != std::string_view::npos && function.find_first_of("(<") > own && i + 1 < frames.size()) continue;
    say_raw("created by ");
    say_raw(lines_of(stack, i, name, false).view());
    return;
  }
}

void print_group(const BlockedGroup& group) noexcept {
  const bool is_blocked = group.actor.state == "blocked";
  Line head;
  head << (group.actor.type == ActorType::Task ? "goroutine " : "thread ") << group.actor.id << " [";
  if (!is_blocked) {
    head << group.actor.state;
  } else {
    head << (group.target.go_state.empty() ? std::string_view("semacquire") : group.target.go_state);
  }
  if (group.waited_ms >= kMinuteMs) head << ", " << group.waited_ms / kMinuteMs << " minutes";
  if (group.actor.type == ActorType::Thread) head << ", locked to thread";
  if (group.count > 1) head << ", and " << group.count - 1 << " like it";
  head << "]:\n";
  say_raw(head.view());
  if (group.stack != kNoStack) {
    print_stack(group.stack);
  } else if (group.actor.state == "running") {
    say_raw("\tgoroutine running on other thread; stack unavailable\n");
  }
  print_creator(group.actor.created_at);
  say_raw("\n");
}

}  // namespace

void print_task_dump() noexcept {
  BlockedActors all;
  vigil_probe_counts counts{};
  bool held_still = true;
  {
    const RuntimePause pause(kDumpPauseNs);
    if (runtime() != nullptr) {
      runtime()->counts(&counts);
      held_still = static_cast<bool>(pause);
    }
    if (held_still) collect_all(all);
  }
  Line head;
  head << "SIGQUIT: quit\nvigil: " << counts.alive << (counts.alive == 1 ? " task" : " tasks") << " alive, "
       << counts.moving << " of them running or ready; the program goes on\n\n";
  say_raw(head.view());
  if (!held_still) return say_raw("vigil: the runtime did not hold still; try again\n");
  OwnVector<const BlockedGroup*> groups = all.groups();
  // Threads come first there, and last here.
  const auto is_task = [](const BlockedGroup* group) { return group->actor.type == ActorType::Task; };
  std::stable_partition(groups.begin(), groups.end(), is_task);
  if (groups.size() > kMostDumped) groups.resize(kMostDumped);
  for (const BlockedGroup* const group : groups) print_group(*group);
}

}  // namespace vigil::shim
