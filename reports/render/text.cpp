#include "reports/render/text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "reports/model/function_name.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/phrases.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

std::string safe(std::string_view text) { return show_deceptive(text); }

class TextPage {
 public:
  explicit TextPage(const Sources& sources) : sources_(sources) {}

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    out_ += fmt::format(format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  void head(const Report& report) {
    line("vigil: {}", safe(verdict_of(report)));
    line("  program  {}", safe(command_words(report.program)));
    line("  process  {}, {}", report.program.pid, end_of(report.program));
    if (report.tasks.started != 0) line("  tasks    {}", tasks_words(report.tasks));
    for (const std::string& note : report.notes) line("  note     {}", safe(note));
  }

  void finding(const Finding& finding, std::size_t number) {
    line("");
    line("{}. {}  {}{}{}", number, finding.level == Level::Error ? "ERROR" : "warning", safe(finding.kind),
         finding.predicted ? ", predicted" : "", finding.known ? ", known (the baseline has it)" : "");
    line("   {}", safe(finding.title));
    if (!finding.message.empty()) line("   {}", safe(finding.message));
    if (finding.count > 1) line("   seen {} times", finding.count);
    if (!finding.test.empty()) line("   in test {}", safe(finding.test));
    for (const Participant& participant : finding.participants) show(finding, participant);
    for (const Object& object : finding.objects) {
      line("");
      line("   {}{}", safe(object_words(object)), object.created_at.empty() ? "" : ", from");
      frames(object.created_at, false);
    }
    line("");
    if (!finding.hint.empty()) line("   What to do:   {}", safe(finding.hint));
    if (!finding.suppression.empty()) line("   To suppress:  {}", safe(finding.suppression));
    line("   Fingerprint:  {}", safe(finding.fingerprint));
  }

  void state(const std::vector<StateEntry>& entries) {
    if (entries.empty()) return;
    line("");
    line("Alive when the program ended:");
    actors(entries);
  }

  void alive(const Report& report) {
    std::map<std::string, std::uint64_t> states;
    std::uint64_t all = 0;
    for (const StateEntry& entry : report.state) {
      states[entry.actor.state] += entry.count;
      all += entry.count;
    }
    std::string counts;
    for (const auto& [state, count] : states)
      counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, state);
    line("vigil: {} alive{}{}", all, counts.empty() ? "" : ": ", safe(counts));
    line("  program  {}", safe(command_words(report.program)));
    line("  process  {}", report.program.pid);
    const Tasks& tasks = report.tasks;  // counted before the program was asked for those alive
    if (tasks.started != 0)
      line("  tasks    {} started, {} finished, {} alive at most", tasks.started, tasks.finished, tasks.peak_alive);
    for (const std::string& note : report.notes) line("  note     {}", safe(note));
    std::vector<StateEntry> entries = report.state;
    std::stable_sort(entries.begin(), entries.end(),
                     [](const StateEntry& a, const StateEntry& b) { return a.waited_ms > b.waited_ms; });
    actors(entries);
  }

  std::string take() { return std::move(out_); }

 private:
  void actors(const std::vector<StateEntry>& entries) {
    for (const StateEntry& entry : entries) {
      line("");
      const std::string many = entry.count > 1 ? fmt::format(" and {} like it", entry.count - 1) : "";
      const std::string waited = entry.waited_ms >= 0 ? fmt::format(" for {}", duration_words(entry.waited_ms)) : "";
      const Object* object = entry.object.empty() ? nullptr : &entry.object.front();
      const std::string doing =
          entry.operation.empty() ? std::string() : ": " + operation_phrase(entry.operation, object);
      line("   {}{}{}, {}{}{}", safe(actor_words(entry.actor)), many, entry.daemon ? ", a daemon" : "",
           safe(entry.actor.state), waited, safe(doing));
      frames(entry.stack, false);
    }
  }

  void show(const Finding& finding, const Participant& participant) {
    line("");
    const std::string doing = participant_words(finding, participant);
    line("   {}, {}{}{}", safe(participant.role), safe(actor_words(participant.actor)), doing.empty() ? "" : ", ",
         safe(doing));
    if (!participant.note.empty()) line("   {}", safe(participant.note));
    if (!participant.held.empty()) {
      std::string held;
      for (const std::size_t index : participant.held)
        held += (held.empty() ? "" : "; ") + object_phrase(finding.objects[index]);
      line("   holds {}", safe(held));
    }
    frames(participant.stack, true);
    if (!participant.actor.created_at.empty()) {
      line("   the {} was started at", participant.actor.type);
      frames(participant.actor.created_at, false);
    }
  }

  void frames(const Stack& stack, bool with_source) {
    std::size_t hidden = 0;
    bool first = true;
    const auto shown = user_frames(stack);
    std::size_t next = 0;
    const auto flush = [&] {
      if (hidden != 0) line("       ({} library frame{})", hidden, hidden == 1 ? "" : "s");
      hidden = 0;
    };
    for (std::size_t i = 0; i < stack.size(); ++i) {
      if (next >= shown.size() || shown[next] != i) {
        ++hidden;
        continue;
      }
      ++next;
      flush();
      const Frame& frame = *stack[i];
      const std::string name = frame.function.empty() ? "??" : short_name(frame.function);
      line("     {} {}  {}{}", first ? ">" : " ", safe(name), safe(place_words(frame)),
           frame.inlined ? "  [inlined]" : "");
      if (first && with_source) source(frame);
      first = false;
    }
    flush();
  }

  void source(const Frame& frame) {
    const Snippet* snippet = sources_.find(frame);
    if (snippet == nullptr) return;
    constexpr std::uint32_t kLinesAround = 2;  // a terminal has less room than a page
    for (std::size_t i = 0; i < snippet->lines.size(); ++i) {
      const auto number = snippet->first_line + static_cast<std::uint32_t>(i);
      if (number + kLinesAround < snippet->marked || number > snippet->marked + kLinesAround) continue;
      line("       {:>6} {} {}", number, number == snippet->marked ? '>' : '|', safe(snippet->lines[i]));
    }
    if (snippet->may_have_changed) line("              (the file has changed since the program was built)");
  }

  const Sources& sources_;
  std::string out_;
};

}  // namespace

std::string render_text(const Report& report, const Sources& sources) {
  TextPage page(sources);
  page.head(report);
  std::size_t number = 0;
  for (const Finding& finding : report.findings) page.finding(finding, ++number);
  page.state(report.state);
  return page.take();
}

std::string render_tasks(const Report& report) {
  const Sources none;
  TextPage page(none);
  page.alive(report);
  return page.take();
}

}  // namespace vigil::reports
