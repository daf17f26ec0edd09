#include "interpose/finding_json.hpp"

#include "interpose/writer_state.hpp"

namespace vigil::shim {
namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) noexcept {
  // splitmix64's finaliser over the running hash: spreads every bit, order matters.
  hash += 0x9E3779B97F4A7C15U + value;
  hash = (hash ^ (hash >> 30U)) * 0xBF58476D1CE4E5B9U;
  hash = (hash ^ (hash >> 27U)) * 0x94D049BB133111EBU;
  return hash ^ (hash >> 31U);
}

// Equal for equal findings in every run of the same binaries.
std::uint64_t stack_hash(const Finding& finding) noexcept {
  std::uint64_t hash = static_cast<std::uint64_t>(finding.kind);
  for (const Participant& one : finding.participants) {
    if (one.role.starts_with("earlier ")) continue;  // what led up to it
    hash = mix(hash, stable_hash(one.stack));
    hash = mix(hash, stable_hash(one.actor.created_at));
  }
  return hash;
}

void json_participant(JsonText& json, const Participant& one) noexcept {
  json.object().key("role").text(one.role).key("actor");
  json_actor(json, one.actor);
  json.key("operation").text(one.operation).key("object").number(one.object).key("held").array();
  for (const std::int32_t index : one.held) json.number(index);
  json.end_array().key("stack");
  json_stack(json, one.stack);
  json.key("waited_ms").number(one.waited_ms).key("note").text(one.note).end_object();
}

}  // namespace

std::string_view name_of(ObjectType type) noexcept {
  switch (type) {
    case ObjectType::Channel:
      return "channel";
    case ObjectType::Mutex:
      return "mutex";
    case ObjectType::RwMutex:
      return "rw-mutex";
    case ObjectType::WaitGroup:
      return "wait-group";
    case ObjectType::Variable:
      return "variable";
    case ObjectType::HeapBlock:
      return "heap-block";
    case ObjectType::Cond:
      return "cond";
    case ObjectType::Semaphore:
      return "semaphore";
    case ObjectType::Other:
      break;
  }
  return "other";
}

std::string_view name_of(ActorType type) noexcept { return type == ActorType::Task ? "task" : "thread"; }

void json_stack(JsonText& json, StackId stack) noexcept {
  json.array();
  for (std::size_t frame = 0; frame < frames_of(stack).size(); ++frame) {
    const ModuleOffset at = locate(stack, frame);
    announce_module(at.module);
    json.array().number(at.module).hex(at.offset).end_array();
  }
  json.end_array();
}

void json_actor(JsonText& json, const ActorInfo& actor) noexcept {
  json.object().key("type").text(name_of(actor.type)).key("id").number(actor.id).key("name").text(actor.name);
  json.key("state").text(actor.state).key("created_at");
  json_stack(json, actor.created_at);
  json.end_object();
}

void json_object(JsonText& json, const ObjectInfo& object) noexcept {
  json.object().key("type").text(name_of(object.type)).key("id").number(object.id);
  json.key("capacity").number(object.capacity).key("address").hex(object.address).key("created_at");
  json_stack(json, object.created_at);
  if (object.local.pc != 0) {
    const ModuleOffset at = locate(object.local.pc);
    announce_module(at.module);
    json.key("local").array().number(at.module).hex(at.offset);
    json.number(object.local.below_frame).number(object.local.above_stack).end_array();
  }
  if (object.thread_local_at.code != 0) {
    const ModuleOffset at = locate(object.thread_local_at.code);
    announce_module(at.module);
    json.key("tls").array().number(at.module).hex(object.thread_local_at.offset).end_array();
  }
  json.end_object();
}

void json_finding(JsonText& json, const Finding& finding, std::uint64_t id, std::int64_t at_ns,
                  std::string_view test) noexcept {
  const KindInfo& kind = info_of(finding.kind);
  json.object().key("type").text("finding").key("id").number(id).key("kind").text(kind.name);
  json.key("level").text(kind.is_error ? "error" : "warning");
  json.key("predicted").truth(finding.predicted).key("proved").truth(finding.proved);
  json.key("count").number(finding.count).key("at").number(at_ns).key("stack_hash").hex_digits(stack_hash(finding));
  if (!test.empty()) json.key("test").text(test);
  json.key("message").text(finding.message).key("hint").text(finding.hint).key("participants").array();
  for (const Participant& one : finding.participants) json_participant(json, one);
  json.end_array().key("objects").array();
  for (const ObjectInfo& object : finding.objects) json_object(json, object);
  json.end_array().end_object();
}

}  // namespace vigil::shim
