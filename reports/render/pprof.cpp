// A task profile in the form of pprof's profile.proto: every stack of a finding or of an actor alive at the end is a
// sample, with how many findings and tasks stand there and how long they had waited. Written by hand: the few messages
// of the format need no library.
#include <unordered_map>
#include <vector>

#include "reports/render/deflate.hpp"
#include "reports/render/forms.hpp"

namespace vigil::reports {
namespace {

// One message of the wire format: fields, each a key and a value.
class Message {
 public:
  void number(unsigned field, std::uint64_t value) {
    varint(field << 3U);
    varint(value);
  }
  void bytes(unsigned field, std::string_view value) {
    varint((field << 3U) | 2U);
    varint(value.size());
    out_ += value;
  }
  void message(unsigned field, const Message& value) { bytes(field, value.out_); }
  void packed(unsigned field, const std::vector<std::uint64_t>& values) {
    Message all;
    for (const std::uint64_t value : values) all.varint(value);
    bytes(field, all.out_);
  }
  [[nodiscard]] const std::string& text() const noexcept { return out_; }

 private:
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_ += static_cast<char>((value & 0x7FU) | 0x80U);
      value >>= 7U;
    }
    out_ += static_cast<char>(value);
  }

  std::string out_;
};

class Profile {
 public:
  Profile() {
    string("");  // the format wants it first
    for (const auto& [type, unit] : {std::pair("findings", "count"), {"tasks", "count"}, {"waited", "nanoseconds"}}) {
      Message value_type;
      value_type.number(1, string(type));
      value_type.number(2, string(unit));
      out_.message(1, value_type);
    }
  }

  void sample(const Stack& stack, std::uint64_t findings, std::uint64_t tasks, std::int64_t waited_ms,
              std::string_view kind) {
    if (stack.empty()) return;
    std::vector<std::uint64_t> locations;
    for (const FrameRef& frame : stack) locations.push_back(location(*frame));
    const std::uint64_t waited_ns = waited_ms < 0 ? 0 : static_cast<std::uint64_t>(waited_ms) * 1'000'000 * tasks;
    Message sample;
    sample.packed(1, locations);
    sample.packed(2, {findings, tasks, waited_ns});
    Message label;
    label.number(1, string("kind"));
    label.number(2, string(kind));
    sample.message(3, label);
    out_.message(2, sample);
  }

  std::string finished(std::int64_t started_at) {
    for (const Message& mapping : mappings_) out_.message(3, mapping);
    for (const Message& location : locations_) out_.message(4, location);
    for (const Message& function : functions_) out_.message(5, function);
    if (started_at > 0) out_.number(9, static_cast<std::uint64_t>(started_at));
    out_.number(14, string("tasks"));
    for (const std::string& text : strings_) out_.bytes(6, text);
    return deflated(out_.text(), DeflateForm::Gzip);
  }

 private:
  std::uint64_t string(std::string_view text) {
    const auto [at, fresh] = string_ids_.try_emplace(std::string(text), strings_.size());
    if (fresh) strings_.emplace_back(text);
    return at->second;
  }

  std::uint64_t mapping(const std::string& module) {
    if (module.empty()) return 0;
    const auto [at, fresh] = mapping_ids_.try_emplace(module, mappings_.size() + 1);
    if (fresh) {
      Message& mapping = mappings_.emplace_back();
      mapping.number(1, at->second);
      mapping.number(5, string(module));
      mapping.number(7, 1);  // has_functions: pprof need not look them up
    }
    return at->second;
  }

  std::uint64_t function(const Frame& frame) {
    const auto [at, fresh] = function_ids_.try_emplace(frame.function + '\n' + frame.file, functions_.size() + 1);
    if (fresh) {
      Message& function = functions_.emplace_back();
      function.number(1, at->second);
      function.number(2, string(frame.function.empty() ? "unknown function" : frame.function));
      function.number(4, string(frame.file));
    }
    return at->second;
  }

  std::uint64_t location(const Frame& frame) {
    const auto [at, fresh] = location_ids_.try_emplace(&frame, locations_.size() + 1);
    if (fresh) {
      Message line;
      line.number(1, function(frame));
      line.number(2, frame.line);
      Message location;
      location.number(1, at->second);
      if (const std::uint64_t id = mapping(frame.module); id != 0) location.number(2, id);
      location.number(3, frame.offset);
      location.message(4, line);
      locations_.push_back(std::move(location));
    }
    return at->second;
  }

  Message out_;
  std::vector<std::string> strings_;
  std::vector<Message> mappings_;
  std::vector<Message> locations_;
  std::vector<Message> functions_;
  std::unordered_map<std::string, std::uint64_t> string_ids_;
  std::unordered_map<std::string, std::uint64_t> mapping_ids_;
  std::unordered_map<std::string, std::uint64_t> function_ids_;
  std::unordered_map<const Frame*, std::uint64_t> location_ids_;
};

}  // namespace

std::string render_pprof(const Report& report) {
  Profile profile;
  for (const Finding& finding : report.findings) {
    for (const Participant& participant : finding.participants) {
      const bool waits = participant.waited_ms >= 0;
      profile.sample(participant.stack, finding.count, waits ? finding.count : 0, participant.waited_ms, finding.kind);
    }
  }
  for (const StateEntry& entry : report.state)
    profile.sample(entry.stack, 0, entry.count, entry.waited_ms, "alive-at-end");
  return profile.finished(report.started_at);
}

}  // namespace vigil::reports
