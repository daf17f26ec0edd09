// One finding as a card: what happened, who took part (side by side), on what, and what to do.
#include <algorithm>
#include <string>
#include <vector>

#include "reports/render/html/card.hpp"
#include "reports/render/html/parts.hpp"

namespace vigil::reports::html {
namespace {

// Of the static form: so much markup is opened at once without a wait, on a slow machine too.
constexpr std::size_t kMostCards = 30;
constexpr std::size_t kMostStates = 200;

void write_meta(HtmlWriter& out, const Finding& finding) {
  out << "<p class=\"meta\"><span class=\"badge ";
  out << (finding.level == Level::Error ? Markup("error\">error") : Markup("warning\">warning"));
  out << "</span><span class=\"tag\"><b>" << Text{finding.kind} << "</b></span>";
  if (finding.predicted)
    out << "<span class=\"tag\" title=\"It did not happen in this run; the order of events proves that it "
           "can\">predicted</span>";
  if (finding.known) out << "<span class=\"tag\" title=\"The baseline has it: it does not count\">known</span>";
  if (finding.proved) out << "<span class=\"tag\" title=\"Nothing alive can reach what it waits for\">proved</span>";
  if (finding.count > 1) out << "<span class=\"tag\">seen <b>" << finding.count << "</b> times</span>";
  if (!finding.test.empty()) out << "<span class=\"tag\">in test <b>" << Text{finding.test} << "</b></span>";
  out << "<a class=\"anchor mono\" href=\"#f-" << Text{finding.fingerprint}
      << "\" title=\"Link to this finding; the same in every run\">" << Text{finding.fingerprint} << "</a></p>\n";
}

void write_column(HtmlWriter& out, const Context& context, const Card::Column& column) {
  out << "<section class=\"side\"><h3>" << Text{column.actor};
  if (!column.role.empty()) out << " <span class=\"role\">" << Text{column.role} << "</span>";
  out << "</h3>\n";
  for (const Card::Step& step : column.steps) {
    out << (&step == column.steps.data() ? Markup("<div>") : Markup("<div class=\"step\">"));
    if (!step.doing.empty()) out << "<p class=\"doing\">" << Prose{step.doing} << "</p>";
    if (!step.held.empty()) out << "<p class=\"held\">" << Prose{step.held} << "</p>";
    write_stack(out, context, *step.stack, SourceMode::First);
    out << "</div>";
  }
  if (column.created_at != nullptr) {
    out << "<details class=\"more\"><summary>" << Prose{column.started} << "</summary><div class=\"plain\">";
    write_stack(out, context, *column.created_at, SourceMode::First);
    out << "</div></details>\n";
  }
  out << "</section>\n";
}

void write_things(HtmlWriter& out, const Context& context, const Card& card) {
  if (card.things.empty()) return;
  out << "<div class=\"objects\"><h3>What it is about</h3><ul>\n";
  for (const Card::Thing& thing : card.things) {
    if (thing.made.empty()) {
      out << "<li>" << Prose{thing.words} << "</li>\n";
      continue;
    }
    out << "<li><details><summary>" << Prose{thing.words} << Prose{thing.made} << "</summary><div class=\"plain\">";
    write_stack(out, context, thing.object->created_at, SourceMode::First);
    out << "</div></details></li>\n";
  }
  out << "</ul></div>\n";
}

}  // namespace

void write_finding(HtmlWriter& out, const Context& context, const Finding& finding, std::size_t number) {
  const Card card = card_of(context, finding);
  out << "<article class=\"card " << (finding.level == Level::Error ? Markup("error") : Markup("warning"))
      << (finding.known ? Markup(" known") : Markup("")) << "\" id=\"f-" << Text{finding.fingerprint}
      << "\">\n<header>";
  write_meta(out, finding);
  out << "<h2>" << Prose{card.title} << "</h2>\n";
  if (!card.message.empty()) out << "<p class=\"message\">" << Prose{card.message} << "</p>\n";
  if (!card.why.empty()) out << "<p class=\"why\"><b>Why it is real.</b> " << Prose{card.why} << "</p>\n";
  if (!card.hint.empty()) out << "<p class=\"todo\"><b>What to do.</b> " << Prose{card.hint} << "</p>\n";
  out << "</header>\n";
  if (card.ring) write_ring(out, *card.ring, number);
  out << "<div class=\"sides\">\n";
  for (const Card::Column& column : card.columns) write_column(out, context, column);
  out << "</div>\n";
  write_things(out, context, card);
  out << "<div class=\"foot\">";
  if (!finding.suppression.empty()) out << "<span>To suppress: <code>" << Text{finding.suppression} << "</code></span>";
  out << "</div>\n</article>\n";
}

void write_findings(HtmlWriter& out, const Context& context) {
  const std::vector<Finding>& findings = context.report.findings;
  const std::size_t cards = std::min(findings.size(), kMostCards);
  for (std::size_t i = 0; i < cards; ++i) write_finding(out, context, findings[i], i + 1);
  if (cards < findings.size()) {
    out << "<p class=\"note\">The other " << (findings.size() - cards)
        << " findings are shown in full by this page's viewer, which needs JavaScript, and are in the report's text "
           "and "
           "JSON forms.</p>\n";
  }
}

void write_state(HtmlWriter& out, const Context& context) {
  if (context.report.state.empty()) return;
  out << "<h2 class=\"section-name\" id=\"state\">Alive when the program ended</h2>\n";
  std::size_t shown = 0;
  for (const StateEntry& entry : context.report.state) {
    if (shown++ == kMostStates) {
      out << "<p class=\"note\">And " << (context.report.state.size() - kMostStates) << " more.</p>\n";
      break;
    }
    const StateCard card = state_card_of(entry);
    out << "<article class=\"card state\"><h3>" << Text{card.actor} << "</h3><p class=\"doing\">" << Prose{card.doing}
        << "</p>";
    write_stack(out, context, entry.stack, SourceMode::First);
    out << "</article>\n";
  }
}

}  // namespace vigil::reports::html
