// The second half of reading a record: findings with their stacks named.
#include <fmt/core.h>

#include <charconv>
#include <string_view>
#include <utility>

#include "reports/load/json_values.hpp"
#include "reports/load/record_file.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/options.hpp"
#include "reports/model/user_frames.hpp"

namespace vigil::reports {
namespace {

constexpr std::size_t kMostFrames = 1024;        // of one stack
constexpr std::size_t kMostParticipants = 1024;  // of one finding
constexpr std::size_t kMostLanes = 64;           // of one timeline
constexpr std::size_t kMostSpans = 4096;         // of one lane

std::string_view object_prefix(std::string_view type) noexcept {
  if (type == "channel") return "c";
  if (type == "mutex") return "m";
  if (type == "rw-mutex") return "rw";
  if (type == "wait-group") return "w";
  if (type == "variable") return "v";
  if (type == "heap-block") return "h";
  if (type == "cond") return "k";
  if (type == "semaphore") return "s";
  return "o";
}

std::uint64_t parse_hex(std::string_view digits) noexcept {
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

class Converter {
 public:
  Converter(const RecordFile& record, NameSource& names) : record_(record), names_(names) {}

  Stack stack(const Json& frames) {
    Stack result;
    for_each(
        frames, [&](const Json& frame) { append_frame(frame, result); }, kMostFrames);
    drop_vigil_above_user(result);
    return result;
  }

  Actor actor(const Json& json) {
    Actor result;
    result.type = text_of(json, "type") == "task" ? "task" : "thread";
    result.id = count_of(json, "id");
    result.name = text_of(json, "name");
    result.state = text_of(json, "state");
    result.created_at = stack(member(json, "created_at"));
    return result;
  }

  Object object(const Json& json) {
    Object result;
    result.type = text_of(json, "type", "other");
    result.id = fmt::format("{}{}", object_prefix(result.type), count_of(json, "id"));
    result.capacity = number_of(json, "capacity", -1);
    result.created_at = stack(member(json, "created_at"));
    result.name = text_of(json, "name");
    if (result.name.empty()) result.name = name_at(parse_hex(text_of(json, "address")));
    if (result.name.empty()) result.name = own_name(json);
    return result;
  }

  Finding finding(const Json& json) {
    Finding result;
    result.kind = text_of(json, "kind", "unknown");
    const Kind* kind = find_kind(result.kind);
    const std::string level = text_of(json, "level");
    const Level usual = kind == nullptr ? Level::Error : kind->level;
    result.level = level == "warning" ? Level::Warning : level == "error" ? Level::Error : usual;
    result.predicted = flag_of(json, "predicted");
    result.proved = flag_of(json, "proved");
    result.message = text_of(json, "message");
    result.hint = text_of(json, "hint");
    result.test = text_of(json, "test");
    result.count = std::max<std::uint64_t>(1, count_of(json, "count", 1));
    const auto repeated = record_.repeats.find(count_of(json, "id"));
    if (repeated != record_.repeats.end()) result.count = std::max(result.count, repeated->second);
    const auto timeline = record_.timelines.find(count_of(json, "id"));
    if (timeline != record_.timelines.end()) result.timeline = read_timeline(timeline->second);
    for_each(member(json, "objects"), [&](const Json& element) { result.objects.push_back(object(element)); });
    for_each(
        member(json, "participants"),
        [&](const Json& element) { result.participants.push_back(participant(element, result.objects.size())); },
        kMostParticipants);
    return result;
  }

  Timeline read_timeline(const std::string& line) {
    Timeline result;
    const Json json = Json::parse(line, nullptr, false);
    result.at = number_of(json, "at");
    for_each(
        member(json, "lanes"),
        [&](const Json& element) {
          Timeline::Lane lane{actor(member(element, "actor")), {}};
          for_each(
              member(element, "spans"), [&](const Json& span) { append_span(span, lane); }, kMostSpans);
          result.lanes.push_back(std::move(lane));
        },
        kMostLanes);
    return result;
  }

  StateEntry state_entry(const Json& json) {
    StateEntry entry;
    entry.actor = actor(member(json, "actor"));
    entry.operation = text_of(json, "operation");
    if (member(json, "object").is_object()) entry.object.push_back(object(member(json, "object")));
    entry.stack = stack(member(json, "stack"));
    entry.waited_ms = number_of(json, "waited_ms", -1);
    entry.daemon = flag_of(json, "daemon");
    entry.count = std::max<std::uint64_t>(1, count_of(json, "count", 1));
    return entry;
  }

 private:
  // [from, to, "state"], and of a blocked one, what it does and on what: "receive", "c3".
  static void append_span(const Json& span, Timeline::Lane& lane) {
    if (!span.is_array() || span.size() < 3 || !span[0].is_number_integer() || !span[1].is_number_integer() ||
        !span[2].is_string())
      return;
    const auto text = [&](std::size_t at) {
      return span.size() > at && span[at].is_string() ? span[at].get<std::string>() : std::string();
    };
    Timeline::Span result{span[0].get<std::int64_t>(), span[1].get<std::int64_t>(), text(2), text(3), text(4)};
    if (result.state != "running" && result.state != "ready" && result.state != "blocked") return;
    const std::int64_t before = lane.spans.empty() ? result.from : lane.spans.back().to;
    if (result.from >= before && result.to >= result.from) lane.spans.push_back(std::move(result));
  }

  void append_frame(const Json& frame, Stack& result) {
    if (!frame.is_array() || frame.size() != 2 || !frame[0].is_number_unsigned() || !frame[1].is_string()) return;
    const std::uint64_t address = parse_hex(frame[1].get_ref<const std::string&>());
    const Module* const module = module_of(frame[0]);
    if (module == nullptr) {
      Frame unknown;
      unknown.offset = address;
      result.push_back(share_frame(std::move(unknown)));
    } else {
      names_.append_frames(*module, address, result);
    }
  }

  Participant participant(const Json& json, std::size_t objects) {
    Participant result;
    result.role = text_of(json, "role");
    result.actor = actor(member(json, "actor"));
    result.operation = text_of(json, "operation");
    result.object = number_of(json, "object", -1);
    if (result.object < 0 || static_cast<std::uint64_t>(result.object) >= objects) result.object = -1;
    for_each(member(json, "held"), [&](const Json& index) {
      if (index.is_number_unsigned() && index.get<std::uint64_t>() < objects)
        result.held.push_back(index.get<std::size_t>());
    });
    result.stack = stack(member(json, "stack"));
    result.waited_ms = number_of(json, "waited_ms", -1);
    result.note = text_of(json, "note");
    return result;
  }

  [[nodiscard]] const Module* module_of(const Json& id) const {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > UINT32_MAX) return nullptr;
    const auto module = record_.modules.find(id.get<std::uint32_t>());
    return module == record_.modules.end() ? nullptr : &module->second;
  }

  // Of a variable that is no global: a function's, or one that each thread has.
  std::string own_name(const Json& object) {
    const Json& local = member(object, "local");
    if (local.is_array() && local.size() == 4 && local[1].is_string() && local[2].is_number_unsigned() &&
        local[3].is_number_unsigned()) {
      const Module* const module = module_of(local[0]);
      return module == nullptr ? std::string()
                               : names_.local_name(*module, parse_hex(local[1].get_ref<const std::string&>()),
                                                   local[2].get<std::uint64_t>(), local[3].get<std::uint64_t>());
    }
    const Json& own = member(object, "tls");
    if (!own.is_array() || own.size() != 2 || !own[1].is_string()) return {};
    const Module* const module = module_of(own[0]);
    return module == nullptr ? std::string()
                             : names_.thread_local_name(*module, parse_hex(own[1].get_ref<const std::string&>()));
  }

  std::string name_at(std::uint64_t address) {
    if (address == 0) return {};
    for (const auto& [id, module] : record_.modules) {
      // A module's size counts from its first segment, and the bias is where virtual address 0 would be: for the usual
      // position-independent file the two are the same place.
      if (address >= module.bias && address - module.bias < module.size)
        return names_.data_name(module, address - module.bias);
    }
    for (const auto& [id, module] : record_.modules) {
      if (module.bias == 0 && module.role == "program") return names_.data_name(module, address);
    }
    return {};
  }

  const RecordFile& record_;
  NameSource& names_;
};

void add_notes(const RecordFile& record, Report& report) {
  const auto note = [&](std::uint64_t count, std::string_view one, std::string_view many) {
    if (count == 1) report.notes.push_back(fmt::format("1 {}", one));
    if (count > 1) report.notes.push_back(fmt::format("{} {}", count, many));
  };
  note(record.damaged, "line of the record was damaged and is missing here.",
       "lines of the record were damaged and are missing here.");
  note(record.dropped, "finding did not fit into the record.", "findings did not fit into the record.");
  note(record.skipped, "event happened in a signal handler while vigil was busy and was not seen.",
       "events happened in signal handlers while vigil was busy and were not seen.");
  const OptionMap options = parse_options(record.options);
  if (option_text(options, "schedule", "") == "random") {
    report.notes.push_back(fmt::format(
        "The schedule was random, drawn from seed {0}. The same one again: vigil run --schedule=random --seed={0}",
        option_text(options, "seed", "0")));
  }
  if (record.too_big) report.notes.emplace_back("The record is too big to be read whole: this is its beginning.");
  if (record.replaced)
    report.notes.emplace_back("The process replaced itself with another program (exec); this report ends there.");
  if (!record.ended)
    report.notes.emplace_back("The program was killed: this report holds what had been found until then.");
}

}  // namespace

Report to_report(const RecordFile& record, NameSource& names, const std::function<void()>& on_finding) {
  Report report;
  report.program = record.program;
  report.engine = record.engine;
  report.vigil_version = record.vigil_version;
  report.options = record.options;
  report.started_at = record.started_at;
  report.tasks = record.tasks.value_or(Tasks{});
  report.lock_order = record.lock_order;
  report.wait_for = record.wait_for;
  add_notes(record, report);

  Converter converter(record, names);
  for (const std::string& line : record.findings) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object()) report.findings.push_back(converter.finding(json));
    if (on_finding) on_finding();
  }
  if (!record.state.empty()) {
    const Json json = Json::parse(record.state, nullptr, false);
    for_each(member(json, "actors"), [&](const Json& entry) { report.state.push_back(converter.state_entry(entry)); });
  }
  return report;
}

}  // namespace vigil::reports
