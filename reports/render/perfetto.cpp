// The trace event form that Perfetto's page and chrome://tracing open: a track for each actor, what it did as slices,
// findings as marks. Without a timeline the waits that findings and the end know of are shown, counted back from one
// moment.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "reports/render/forms.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

using Json = nlohmann::ordered_json;

class Trace {
 public:
  explicit Trace(const Report& report) : pid_(report.program.pid) {
    events_.push_back({{"ph", "M"},
                       {"name", "process_name"},
                       {"pid", pid_},
                       {"tid", 0},
                       {"args", {{"name", report.program.path.substr(report.program.path.find_last_of('/') + 1)}}}});
  }

  void slice(const Actor& actor, std::int64_t from_ns, std::int64_t to_ns, const std::string& name, Json args) {
    const std::uint64_t track = track_of(actor);
    if (!drawn_.insert({track, from_ns, to_ns}).second) return;  // two findings may keep the same piece of a lane
    events_.push_back({{"ph", "X"},
                       {"name", plain_words(name)},
                       {"cat", "vigil"},
                       {"pid", pid_},
                       {"tid", track},
                       {"ts", microseconds(from_ns)},
                       {"dur", microseconds(to_ns - from_ns)},
                       {"args", std::move(args)}});
  }

  void mark(const Actor& actor, std::int64_t at_ns, const Finding& finding) {
    events_.push_back({{"ph", "i"},
                       {"s", "t"},
                       {"name", plain_words(finding.title)},
                       {"cat", finding.kind},
                       {"pid", pid_},
                       {"tid", track_of(actor)},
                       {"ts", microseconds(at_ns)},
                       {"args", {{"fingerprint", finding.fingerprint}}}});
  }

  std::string finished() {
    const Json trace = {{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events_)}};
    return trace.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

 private:
  static double microseconds(std::int64_t ns) noexcept { return static_cast<double>(ns) / 1000.0; }

  // Tasks and threads count apart: threads first, tasks from 100,000 on.
  std::uint64_t track_of(const Actor& actor) {
    constexpr std::uint64_t kTasks = 100000;
    const std::uint64_t track = actor.type == "task" ? kTasks + actor.id : actor.id;
    if (named_.insert(track).second) {
      events_.push_back({{"ph", "M"},
                         {"name", "thread_name"},
                         {"pid", pid_},
                         {"tid", track},
                         {"args", {{"name", plain_words(actor_words(actor))}}}});
    }
    return track;
  }

  std::int64_t pid_;
  Json events_ = Json::array();
  std::set<std::uint64_t> named_;
  std::set<std::tuple<std::uint64_t, std::int64_t, std::int64_t>> drawn_;
};

std::int64_t longest_wait(const Report& report) {
  std::int64_t longest = 0;
  for (const Finding& finding : report.findings) {
    for (const Participant& participant : finding.participants) longest = std::max(longest, participant.waited_ms);
  }
  for (const StateEntry& entry : report.state) longest = std::max(longest, entry.waited_ms);
  return longest;
}

}  // namespace

std::string render_perfetto(const Report& report) {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  constexpr std::int64_t kLongestMs = std::int64_t{1} << 40U;  // 35 years; in ns it still fits
  const std::int64_t end_ms = std::min(longest_wait(report), kLongestMs);
  Trace trace(report);
  const auto waited = [&](const Actor& actor, std::int64_t ms, const std::string& name, const std::string& about) {
    if (ms >= 0)
      trace.slice(actor, (end_ms - std::min(ms, end_ms)) * kNsPerMs, end_ms * kNsPerMs, name, {{"about", about}});
  };
  for (const Finding& finding : report.findings) {
    for (const Timeline::Lane& lane : finding.timeline.lanes) {
      for (const Timeline::Span& span : lane.spans) {
        trace.slice(lane.actor, span.from, span.to, span.state,
                    {{"operation", span.operation}, {"object", span.object}});
      }
    }
    if (!finding.timeline.lanes.empty()) trace.mark(finding.timeline.lanes.front().actor, finding.timeline.at, finding);
    for (const Participant& participant : finding.participants) {
      if (finding.timeline.lanes.empty())
        waited(participant.actor, participant.waited_ms, participant_words(finding, participant), finding.title);
    }
  }
  for (const StateEntry& entry : report.state)
    waited(entry.actor, entry.waited_ms, entry.actor.state + " " + entry.operation, "alive at the end");
  return trace.finished();
}

}  // namespace vigil::reports
