#include "reports/render/html/page.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "reports/model/kind.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/render/html/parts.hpp"
#include "reports/render/html/viewer.hpp"
#include "reports/render/sha256.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace html {
namespace {

constexpr std::size_t kMostLines = 300;  // of the static form's table of contents

std::string_view base_name(std::string_view path) noexcept { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

PathView::PathView(const Report& report) {
  bool first = true;
  const auto take = [&](const Stack& stack) {
    for (const FrameRef& frame : stack) {
      if (frame->library || frame->file.empty() || frame->file.front() != '/') continue;
      const std::string folder = frame->file.substr(0, frame->file.find_last_of('/') + 1);
      if (std::exchange(first, false)) {
        root_ = folder;
      } else {
        const auto [end, unused] = std::mismatch(root_.begin(), root_.end(), folder.begin(), folder.end());
        root_.resize(static_cast<std::size_t>(end - root_.begin()));
        root_.resize(root_.find_last_of('/') + 1);
      }
    }
  };
  for (const Finding& finding : report.findings) {
    for (const Participant& participant : finding.participants) {
      take(participant.stack);
      take(participant.actor.created_at);
    }
  }
  if (root_.size() < 2) root_.clear();
}

std::string_view PathView::shown(std::string_view path) const noexcept {
  return !root_.empty() && path.starts_with(root_) ? path.substr(root_.size()) : path;
}

std::string date_of(const Report& report) {
  const auto seconds = static_cast<std::time_t>(report.started_at / 1'000'000'000);
  std::tm utc{};
  char text[40];
  if (report.started_at <= 0 || ::gmtime_r(&seconds, &utc) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc) == 0)
    return {};
  return text;
}

Markup mood_of(const Report& report) noexcept {
  const Summary summary = summary_of(report);
  return summary.new_errors != 0                  ? Markup("bad")
         : summary.errors + summary.warnings != 0 ? Markup("warn")
                                                  : Markup("good");
}

std::vector<Fact> facts_of(const Report& report) {
  std::vector<Fact> facts;
  const auto add = [&](Markup name, std::string value, bool is_code = false) {
    if (!value.empty()) facts.push_back({name, std::move(value), is_code});
  };
  add("Command", command_words(report.program), true);
  add("How it ended", end_of(report.program));
  if (report.tasks.started != 0) add("Tasks", tasks_words(report.tasks));
  if (report.engine != "none") add("Race engine", report.engine);
  if (report.suppressed != 0) add("Suppressed", std::to_string(report.suppressed));
  return facts;
}

void write_head(HtmlWriter& out, std::string_view title) {
  // The policy names the one style and the one script by their hashes: whatever a name in the report might smuggle in,
  // it neither runs nor loads.
  static const std::string style = sha256_base64(viewer_style().text());
  static const std::string script = sha256_base64(viewer_script().text());
  out << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"
      << Text{style} << "'; script-src 'sha256-" << Text{script}
      << "'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
      << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" "
         "content=\"light dark\">\n"
      << "<meta name=\"referrer\" content=\"no-referrer\">\n<title>" << Text{title} << "</title>\n<style>"
      << viewer_style() << "</style>\n</head>\n<body>\n<div id=\"static\">\n"
      << "<a class=\"skip\" href=\"#findings\">To the findings</a>\n";
}

void write_foot(HtmlWriter& out, const Context& context, const std::vector<IndexEntry>* runs) {
  out << "<footer class=\"page-foot\"><div class=\"wrap\">Made by vigil";
  if (!context.report.vigil_version.empty()) out << " " << Text{context.report.vigil_version};
  out << ". Frames of the runtime and of system libraries are folded away; an arrow opens "
         "them.</div></footer>\n</div>\n";
  write_data(out, context, runs);
  out << "\n<script>" << viewer_script() << "</script>\n</body>\n</html>\n";
}

void write_mark(HtmlWriter& out, const Report& report) {
  const Summary summary = summary_of(report);
  // Three shapes, so that the verdict does not hang on its colour.
  if (summary.new_errors != 0) {
    out << R"svg(<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path fill="currentColor" d="M10.2 2h11.6L30 10.2v11.6L21.8 30H10.2L2 21.8V10.2z"/><path d="M11 11l10 10M21 11L11 21" stroke="var(--card)" stroke-width="3.2" stroke-linecap="round"/></svg>)svg";
  } else if (summary.errors + summary.warnings != 0) {
    out << R"svg(<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path fill="currentColor" d="M16 2.5L31 29H1z"/><path d="M16 12v8M16 24.2v.3" stroke="var(--card)" stroke-width="3.2" stroke-linecap="round"/></svg>)svg";
  } else {
    out << R"svg(<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="14.5" fill="currentColor"/><path d="M9.5 16.5l4.5 4.5 8.5-9.5" fill="none" stroke="var(--card)" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round"/></svg>)svg";
  }
}

void write_overview(HtmlWriter& out, const Report& report) {
  out << "<header class=\"top " << mood_of(report)
      << "\"><div class=\"wrap\">\n<p class=\"brand\"><b>vigil</b> report on "
      << "<span class=\"mono\">" << Text{base_name(report.program.path)} << "</span>, process " << report.program.pid;
  if (const std::string date = date_of(report); !date.empty()) out << ", " << Text{date};
  out << "</p>\n<h1 class=\"verdict\">";
  write_mark(out, report);
  out << "<span>" << Text{verdict_of(report)} << "</span></h1>\n<dl class=\"facts\">";
  for (const Fact& fact : facts_of(report)) {
    out << "<div><dt>" << fact.name << "</dt><dd>" << (fact.is_code ? Markup("<code>") : Markup("")) << Text{fact.value}
        << (fact.is_code ? Markup("</code>") : Markup("")) << "</dd></div>";
  }
  out << "</dl>\n";
  if (!report.notes.empty()) {
    out << "<ul class=\"notes\">";
    for (const std::string& note : report.notes) out << "<li>" << Text{note} << "</li>";
    out << "</ul>\n";
  }
  out << "</div></header>\n";
}

void write_contents(HtmlWriter& out, const Report& report) {
  if (report.findings.size() < 2) return;
  out << "<nav aria-label=\"All findings\"><ol class=\"contents\">\n";
  std::size_t lines = 0;
  for (const Finding& finding : report.findings) {
    if (lines++ == kMostLines) {
      out << "<li class=\"note\">and " << (report.findings.size() - kMostLines) << " more</li>\n";
      break;
    }
    out << "<li><a href=\"#f-" << Text{finding.fingerprint} << "\"><span class=\"badge ";
    out << (finding.level == Level::Error ? Markup("error\">error") : Markup("warning\">warning"));
    out << "</span><span class=\"what\">" << Prose{finding.title} << "</span><span class=\"kind\">"
        << Text{finding.kind};
    if (finding.count > 1) out << " \u00d7" << finding.count;
    out << "</span></a></li>\n";
  }
  out << "</ol></nav>\n";
}

}  // namespace html

std::string render_html(const Report& report, const Sources& sources) {
  using namespace html;  // NOLINT(google-build-using-namespace): this file is its front
  HtmlWriter out;
  const Context context{report, sources, PathView(report)};
  const std::size_t slash = report.program.path.find_last_of('/');
  write_head(out, fmt::format("{}: {}", report.program.path.substr(slash == std::string::npos ? 0 : slash + 1),
                              verdict_of(report)));
  write_overview(out, report);
  out << "<main id=\"findings\"><div class=\"wrap\">\n";
  if (report.findings.empty()) {
    out << "<div class=\"nothing\"><p>vigil watched this run from beginning to end and found no defect in it.</p>"
           "<p>Another run, with other timing or input, may show what this one did not.</p></div>\n";
  }
  write_contents(out, report);
  write_findings(out, context);
  write_state(out, context);
  out << "</div></main>\n";
  write_foot(out, context, nullptr);
  return out.take();
}

}  // namespace vigil::reports
