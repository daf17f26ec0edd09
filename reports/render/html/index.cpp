// The index over many runs: a table of them, and their findings joined.
#include <fmt/core.h>

#include "reports/model/kind.hpp"
#include "reports/render/html/page.hpp"
#include "reports/render/html/parts.hpp"

namespace vigil::reports {
namespace {

constexpr std::size_t kMostNamed = 8;  // findings of one run by name in its row; the others are counted

using Places = std::vector<std::vector<std::size_t>>;

// Of each run, which of the merged findings it had: their places, in order.
Places findings_by_run(const Report& merged, std::size_t runs) {
  Places places(runs);
  for (std::size_t i = 0; i < merged.findings.size(); ++i) {
    for (const std::uint32_t run : merged.findings[i].runs) {
      if (run < runs) places[run].push_back(i);
    }
  }
  return places;
}

void write_findings_of_run(html::HtmlWriter& out, const Report& merged, const std::vector<std::size_t>& places) {
  if (places.empty()) return;
  out << "<ul>";
  for (std::size_t i = 0; i < places.size() && i < kMostNamed; ++i) {
    const Finding& finding = merged.findings[places[i]];
    out << "<li><a href=\"#f-" << html::Text{finding.fingerprint} << "\">" << html::Prose{finding.title} << "</a></li>";
  }
  if (places.size() > kMostNamed) out << "<li>and " << (places.size() - kMostNamed) << " more</li>";
  out << "</ul>";
}

}  // namespace

std::string render_index_html(const Report& merged, const std::vector<IndexEntry>& runs, const Sources& sources) {
  using namespace html;  // NOLINT(google-build-using-namespace): this file is its front
  HtmlWriter out;
  const Context context{merged, sources, PathView(merged)};
  std::size_t failed = 0;
  for (const IndexEntry& run : runs) failed += run.errors != 0 ? 1U : 0U;
  write_head(out, fmt::format("vigil: {} runs, {}", runs.size(), verdict_of(merged)));
  out << "<header class=\"top " << mood_of(merged)
      << "\"><div class=\"wrap\">\n<p class=\"brand\"><b>vigil</b> report on " << runs.size()
      << (runs.size() == 1 ? Markup(" run") : Markup(" runs")) << "</p>\n<h1 class=\"verdict\">";
  write_mark(out, merged);
  out << "<span>" << Text{verdict_of(merged)} << "</span></h1>\n<dl class=\"facts\"><div><dt>Runs with errors</dt><dd>"
      << failed << " of " << runs.size() << "</dd></div><div><dt>Different findings</dt><dd>" << merged.findings.size()
      << "</dd></div></dl>\n";
  if (!merged.notes.empty()) {
    out << "<ul class=\"notes\">";
    for (const std::string& note : merged.notes) out << "<li>" << Text{note} << "</li>";
    out << "</ul>";
  }
  out << "</div></header>\n<main id=\"findings\"><div class=\"wrap\">\n<h2 class=\"section-name\">Runs</h2>\n<div "
         "class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Runs\">"
         "<table class=\"runs\"><thead><tr><th scope=\"col\">Program</th><th scope=\"col\">Verdict</th><th "
         "scope=\"col\">Ended</th></tr></thead><tbody>\n";
  const Places places = findings_by_run(merged, runs.size());
  for (const IndexEntry& run : runs) {
    out << "<tr><td>";
    if (run.link.empty()) {
      out << Text{run.name};
    } else {
      out << "<a href=\"" << Text{run.link} << "\">" << Text{run.name} << "</a>";
    }
    out << "</td><td>";
    if (run.errors != 0) out << "<span class=\"badge error\">error</span> ";
    if (run.errors == 0 && run.warnings != 0) out << "<span class=\"badge warning\">warning</span> ";
    out << Text{run.verdict};
    write_findings_of_run(out, merged, places[static_cast<std::size_t>(&run - runs.data())]);
    out << "</td><td>" << Text{run.how_it_ended} << "</td></tr>\n";
  }
  out << "</tbody></table></div>\n";
  if (!merged.findings.empty()) out << "<h2 class=\"section-name\">Findings of all runs</h2>\n";
  write_contents(out, merged);
  write_findings(out, context);
  out << "</div></main>\n";
  write_foot(out, context, &runs);
  return out.take();
}

}  // namespace vigil::reports
