#include "interpose/state.hpp"

#include "interpose/finding_json.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/look.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim {
namespace {

constexpr std::uint64_t kStatePauseNs = 100'000'000;  // the process may be dying, and be waited for
constexpr std::size_t kMostStateGroups = 500;         // written

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
    if (++written > kMostStateGroups) break;
    write_group(json, *group);
  }
  json.end_array().end_object();
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
    const RuntimePause pause(kStatePauseNs);
    if (runtime() != nullptr && !pause) return false;
    collect_all(all);
  }
  state_json(json, all);
  return true;
}

void write_state() noexcept {
  const RuntimePause pause(kStatePauseNs);
  if (runtime() != nullptr && !pause) return;
  BlockedActors blocked;
  collect_blocked(blocked);
  if (blocked.total() == 0) return;
  JsonText json;
  state_json(json, blocked);
  write_record(json.view());
}

}  // namespace vigil::shim
