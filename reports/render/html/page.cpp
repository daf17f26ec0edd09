#include "reports/render/html/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "reports/model/kind.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/render/html/parts.hpp"
#include "reports/render/sha256.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace html {
namespace {

std::string_view base_name(std::string_view path) noexcept { return path.substr(path.find_last_of('/') + 1); }

std::string date_words(std::int64_t ns) {
  const auto seconds = static_cast<std::time_t>(ns / 1'000'000'000);
  std::tm utc{};
  char text[40];
  if (ns <= 0 || ::gmtime_r(&seconds, &utc) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc) == 0)
    return {};
  return text;
}

void write_fact(HtmlWriter& out, Markup name, std::string_view value) {
  if (value.empty()) return;
  out << "<div><dt>" << name << "</dt><dd>" << Text{value} << "</dd></div>";
}

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

void write_head(HtmlWriter& out, std::string_view title) {
  // The policy names the one style by its hash: whatever a name in the report might smuggle in, it neither runs nor
  // loads.
  static const std::string hash = sha256_base64(style_sheet().text());
  out << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"
      << Text{hash} << "'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
      << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" "
         "content=\"light dark\">\n"
      << "<meta name=\"referrer\" content=\"no-referrer\">\n<title>" << Text{title} << "</title>\n<style>"
      << style_sheet() << "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#findings\">To the findings</a>\n";
}

void write_foot(HtmlWriter& out, std::string_view vigil_version) {
  out << "<footer class=\"page-foot\"><div class=\"wrap\">Made by vigil";
  if (!vigil_version.empty()) out << " " << Text{vigil_version};
  out << ". Frames of the runtime and of system libraries are folded away; an arrow opens "
         "them.</div></footer>\n</body>\n</html>\n";
}

void write_mark(HtmlWriter& out, const Report& report) {
  const Summary summary = summary_of(report);
  // Three shapes, so that the verdict does not hang on its colour.
  if (summary.errors != 0) {
    out << R"svg(<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path fill="currentColor" d="M10.2 2h11.6L30 10.2v11.6L21.8 30H10.2L2 21.8V10.2z"/><path d="M11 11l10 10M21 11L11 21" stroke="var(--card)" stroke-width="3.2" stroke-linecap="round"/></svg>)svg";
  } else if (summary.warnings != 0) {
    out << R"svg(<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path fill="currentColor" d="M16 2.5L31 29H1z"/><path d="M16 12v8M16 24.2v.3" stroke="var(--card)" stroke-width="3.2" stroke-linecap="round"/></svg>)svg";
  } else {
    out << R"svg(<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="14.5" fill="currentColor"/><path d="M9.5 16.5l4.5 4.5 8.5-9.5" fill="none" stroke="var(--card)" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round"/></svg>)svg";
  }
}

void write_overview(HtmlWriter& out, const Report& report) {
  const Summary summary = summary_of(report);
  out << "<header class=\"top ";
  out << (summary.errors != 0 ? Markup("bad") : summary.warnings != 0 ? Markup("warn") : Markup("good"));
  out << "\"><div class=\"wrap\">\n<p class=\"brand\"><b>vigil</b> report on <span class=\"mono\">"
      << Text{base_name(report.program.path)} << "</span>, process " << report.program.pid;
  if (const std::string date = date_words(report.started_at); !date.empty()) out << ", " << Text{date};
  out << "</p>\n<h1 class=\"verdict\">";
  write_mark(out, report);
  out << "<span>" << Text{verdict_of(report)} << "</span></h1>\n<dl class=\"facts\">";
  const std::string command = command_words(report.program);
  out << "<div><dt>Command</dt><dd><code>" << Text{command} << "</code></dd></div>";
  const std::string end = end_of(report.program);
  write_fact(out, "How it ended", end);
  if (report.tasks.started != 0) {
    const std::string tasks = tasks_words(report.tasks);
    write_fact(out, "Tasks", tasks);
  }
  if (report.engine != "none") write_fact(out, "Race engine", report.engine);
  if (report.suppressed != 0) write_fact(out, "Suppressed", std::to_string(report.suppressed));
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
  for (const Finding& finding : report.findings) {
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
  std::size_t number = 0;
  for (const Finding& finding : report.findings) write_finding(out, context, finding, ++number);
  write_state(out, context);
  out << "</div></main>\n";
  write_foot(out, report.vigil_version);
  return out.take();
}

}  // namespace vigil::reports
