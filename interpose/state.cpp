#include "interpose/state.hpp"

#include "interpose/finding_json.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/look.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/say.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim {
namespace {

constexpr std::uint64_t kPauseNs = 100'000'000;  // the process may be dying, and be waited for
constexpr std::size_t kMostGroups = 500;         // written or printed

void write_group(JsonText& json, const BlockedGroup& group) noexcept {
  ActorInfo actor = group.actor;
  actor.name = group.name.view();
  json.object().key("actor");
  json_actor(json, actor);
  json.key("operation").text(group.target.operation).key("object");
  if (group.target.objects.empty()) {
    json.null();
  } else {
    json_object(json, group.target.objects[0]);
  }
  json.key("stack");
  json_stack(json, group.stack);
  json.key("waited_ms").number(group.waited_ms).key("count").number(group.count);
  if (group.is_daemon) json.key("daemon").truth(true);
  json.end_object();
}

void state_json(JsonText& json, const BlockedActors& actors) noexcept {
  json.object().key("type").text("state").key("actors").array();
  std::size_t written = 0;
  for (const BlockedGroup* const group : actors.groups()) {
    if (++written > kMostGroups) break;
    write_group(json, *group);
  }
  json.end_array().end_object();
}

void print_stack(StackId stack) noexcept {
  for (const std::uintptr_t pc : frames_of(stack)) {
    const ModuleOffset at = locate(pc);
    Line line;
    line << "      ";
    line << (at.module == 0 ? "?" : std::string_view(module_info(at.module).path)) << "+0x";
    line.hex(at.offset) << "\n";
    say_raw(line.view());
  }
}

void print_group(const BlockedGroup& group) noexcept {
  Line line;
  line << "  " << words_for(group.actor).view();
  if (!group.name.view().empty()) line << " (" << group.name.view() << ")";
  if (group.count > 1) line << " and " << group.count - 1 << " like it";
  line << (group.count > 1 ? " wait " : " waits ") << group.target.words.view();
  if (group.waited_ms >= 0) line << ", for " << words_for_ms(group.waited_ms).view();
  line << "\n";
  say_raw(line.view());
  print_stack(group.stack);
  if (group.actor.created_at == kNoStack) return;
  say_raw("    created at\n");
  print_stack(group.actor.created_at);
}

}  // namespace

bool task_counts(JsonText& json) noexcept {
  if (runtime() == nullptr) return false;
  vigil_probe_counts counts{};
  runtime()->counts(&counts);
  json.object().key("type").text("tasks").key("started").number(counts.started).key("finished").number(counts.finished);
  json.key("peak_alive").number(counts.peak_alive).key("alive_at_end").number(counts.alive).end_object();
  return true;
}

void write_task_counts() noexcept {
  JsonText json;
  if (task_counts(json)) write_record(json.view());
}

bool state_of_all(JsonText& json) noexcept {
  BlockedActors all;
  {
    const RuntimePause pause(kPauseNs);
    if (runtime() != nullptr && !pause) return false;
    collect_all(all);
  }
  state_json(json, all);
  return true;
}

void write_state() noexcept {
  const RuntimePause pause(kPauseNs);
  if (runtime() != nullptr && !pause) return;
  BlockedActors blocked;
  collect_blocked(blocked);
  if (blocked.total() == 0) return;
  JsonText json;
  state_json(json, blocked);
  write_record(json.view());
}

void print_state() noexcept {
  const RuntimePause pause(kPauseNs);
  Line head;
  head << "vigil: ";
  if (runtime() != nullptr) {
    vigil_probe_counts counts{};
    runtime()->counts(&counts);
    head << counts.alive << (counts.alive == 1 ? " task" : " tasks") << " alive, " << counts.moving
         << " of them running or ready";
  } else {
    head << "no tasks";
  }
  head << "; blocked:\n";
  say_raw(head.view());
  if (runtime() != nullptr && !pause) {
    say_raw("  (the runtime did not hold still; try again)\n");
    return;
  }
  BlockedActors blocked;
  collect_blocked(blocked);
  std::size_t printed = 0;
  for (const BlockedGroup* const group : blocked.groups()) {
    if (++printed > kMostGroups) break;
    print_group(*group);
  }
  if (printed == 0) say_raw("  nobody\n");
}

}  // namespace vigil::shim
