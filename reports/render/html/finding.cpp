// One finding as a card: what happened, who took part (side by side), on what, and what to do.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "reports/model/function_name.hpp"
#include "reports/model/phrases.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/render/html/parts.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports::html {
namespace {

// An id ("m1 was taken here") stays as it is.
std::string capitalised(std::string text) {
  const std::size_t end = text.find(' ');
  if (text.substr(0, end).find_first_of("0123456789") != std::string::npos) return text;
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

// " in `main` at prog.cpp:12", for the line of a folded stack.
std::string where_words(const Context& context, const Stack& stack) {
  const Frame* frame = first_user_frame(stack);
  if (frame == nullptr) return {};
  const std::string place = place_words(*frame);
  const std::string name = spoken_name(frame->function);
  return name.empty() ? fmt::format(" at {}", context.paths.shown(place))
                      : fmt::format(" in {} at {}", name, context.paths.shown(place));
}

void write_meta(HtmlWriter& out, const Finding& finding) {
  out << "<p class=\"meta\"><span class=\"badge ";
  out << (finding.level == Level::Error ? Markup("error\">error") : Markup("warning\">warning"));
  out << "</span><span class=\"tag\"><b>" << Text{finding.kind} << "</b></span>";
  if (finding.predicted)
    out << "<span class=\"tag\" title=\"It did not happen in this run; the order of events proves that it "
           "can\">predicted</span>";
  if (finding.proved) out << "<span class=\"tag\" title=\"Nothing alive can reach what it waits for\">proved</span>";
  if (finding.count > 1) out << "<span class=\"tag\">seen <b>" << finding.count << "</b> times</span>";
  out << "<a class=\"anchor mono\" href=\"#f-" << Text{finding.fingerprint}
      << "\" title=\"Link to this finding; the same in every run\">" << Text{finding.fingerprint} << "</a></p>\n";
}

bool same_actor(const Participant& a, const Participant& b) {
  return a.actor.type == b.actor.type && a.actor.id == b.actor.id;
}

void write_step(HtmlWriter& out, const Context& context, const Finding& finding, const Participant& participant) {
  const std::string doing = participant_words(finding, participant);
  if (!participant.note.empty()) {
    out << "<p class=\"doing\">" << Prose{capitalised(participant.note)} << "</p>";
  } else if (!doing.empty()) {
    out << "<p class=\"doing\">" << Prose{capitalised(doing)} << "</p>";
  }
  if (!participant.held.empty()) {
    out << "<p class=\"held\">Holds ";
    for (std::size_t i = 0; i < participant.held.size(); ++i) {
      if (i != 0) out << ", ";
      const Object& object = finding.objects[participant.held[i]];
      out << Text{object.id} << " (" << Prose{object_phrase(object)} << ")";
    }
    out << "</p>";
  }
  write_stack(out, context, participant.stack, SourceMode::First);
}

// "waiter, blocked for 76 ms", beside the actor's name.
std::string side_words(const Participant& participant, bool one_stack) {
  std::string words = one_stack ? participant.role : std::string();
  if (participant.waited_ms >= 0 && !participant.note.empty()) {
    words += fmt::format("{}{} for {}", words.empty() ? "" : ", ", participant.actor.state,
                         duration_words(participant.waited_ms));
  }
  return words;
}

// One column: an actor with all the stacks the finding has of it.
void write_side(HtmlWriter& out, const Context& context, const Finding& finding, std::size_t from, std::size_t to) {
  const Participant& first = finding.participants[from];
  out << "<section class=\"side\"><h3>" << Text{capitalised(actor_words(first.actor))};
  const std::string role = side_words(first, to - from == 1);
  if (!role.empty()) out << " <span class=\"role\">" << Text{role} << "</span>";
  out << "</h3>\n";
  for (std::size_t i = from; i < to; ++i) {
    out << (i == from ? Markup("<div>") : Markup("<div class=\"step\">"));
    write_step(out, context, finding, finding.participants[i]);
    out << "</div>";
  }
  if (!first.actor.created_at.empty()) {
    const std::string where = where_words(context, first.actor.created_at);
    out << "<details class=\"more\"><summary>This " << Text{first.actor.type} << " was started" << Prose{where}
        << "</summary><div class=\"plain\">";
    write_stack(out, context, first.actor.created_at, SourceMode::First);
    out << "</div></details>\n";
  }
  out << "</section>\n";
}

void write_objects(HtmlWriter& out, const Context& context, const Finding& finding) {
  if (finding.objects.empty()) return;
  out << "<div class=\"objects\"><h3>What it is about</h3><ul>\n";
  for (const Object& object : finding.objects) {
    const std::string words = capitalised(object_words(object));
    if (object.created_at.empty()) {
      out << "<li>" << Prose{words} << "</li>\n";
      continue;
    }
    const bool made = object.type != "mutex" && object.type != "rw-mutex" && object.type != "cond";
    out << "<li><details><summary>" << Prose{words} << (made ? Markup(", made") : Markup(", first used"));
    out << Prose{where_words(context, object.created_at)} << "</summary><div class=\"plain\">";
    write_stack(out, context, object.created_at, SourceMode::First);
    out << "</div></details></li>\n";
  }
  out << "</ul></div>\n";
}

}  // namespace

void write_finding(HtmlWriter& out, const Context& context, const Finding& finding, std::size_t number) {
  out << "<article class=\"card " << (finding.level == Level::Error ? Markup("error") : Markup("warning"))
      << "\" id=\"f-" << Text{finding.fingerprint} << "\">\n<header>";
  write_meta(out, finding);
  out << "<h2>" << Prose{capitalised(finding.title)} << "</h2>\n";
  if (!finding.message.empty()) out << "<p class=\"message\">" << Prose{capitalised(finding.message)} << "</p>\n";
  if (!finding.hint.empty())
    out << "<p class=\"todo\"><b>What to do.</b> " << Prose{capitalised(finding.hint)} << "</p>\n";
  out << "</header>\n";
  if (const auto ring = ring_of(finding, context.report.wait_for)) write_ring(out, *ring, number);
  out << "<div class=\"sides\">\n";
  for (std::size_t from = 0; from < finding.participants.size();) {
    std::size_t to = from + 1;
    while (to < finding.participants.size() && same_actor(finding.participants[from], finding.participants[to])) ++to;
    write_side(out, context, finding, from, to);
    from = to;
  }
  out << "</div>\n";
  write_objects(out, context, finding);
  out << "<div class=\"foot\">";
  if (!finding.suppression.empty()) out << "<span>To suppress: <code>" << Text{finding.suppression} << "</code></span>";
  out << "</div>\n</article>\n";
}

void write_state(HtmlWriter& out, const Context& context) {
  if (context.report.state.empty()) return;
  out << "<h2 class=\"section-name\" id=\"state\">Alive when the program ended</h2>\n";
  for (const StateEntry& entry : context.report.state) {
    out << "<article class=\"card state\"><h3>" << Text{capitalised(actor_words(entry.actor))};
    if (entry.count > 1) out << " and " << (entry.count - 1) << " like it";
    out << "</h3>";
    std::string doing = entry.actor.state;
    if (entry.waited_ms >= 0) doing += fmt::format(" for {}", duration_words(entry.waited_ms));
    if (!entry.operation.empty()) {
      doing += fmt::format(": {}",
                           operation_phrase(entry.operation, entry.object.empty() ? nullptr : &entry.object.front()));
    }
    out << "<p class=\"doing\">" << Prose{capitalised(doing)} << "</p>";
    write_stack(out, context, entry.stack, SourceMode::First);
    out << "</article>\n";
  }
}

}  // namespace vigil::reports::html
