// The forms a report can be written in, by the names of the option `formats`. Each is a file of its own here; a form
// takes a finished report and gives characters.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "reports/model/report.hpp"
#include "reports/model/sources.hpp"
#include "reports/render/text_out.hpp"

namespace vigil::reports {

struct Form {
  std::string_view name;
  std::string_view extension;  // with its dot; only the report's own JSON ends in .json: vigil merge reads those
  std::string (*render)(const Report&, const Sources&);
  bool shows_sources;                                      // else render is given none: nothing is read for it
  void (*write)(const Report&, const TextOut&) = nullptr;  // the same piece by piece, for a form that may be very long
};

std::span<const Form> all_forms() noexcept;
const Form* find_form(std::string_view name) noexcept;  // null when there is none

std::string render_sarif(const Report& report);     // SARIF 2.1.0: code scanning, editors
std::string render_junit(const Report& report);     // JUnit XML: every CI
std::string render_gitlab(const Report& report);    // GitLab's code quality list
std::string render_dot(const Report& report);       // Graphviz: lock order and wait-for graph
std::string render_tsan(const Report& report);      // ThreadSanitizer's text, which `ctest -T memcheck` counts
std::string render_pprof(const Report& report);     // a task profile for `go tool pprof`, gzipped
std::string render_perfetto(const Report& report);  // a trace for ui.perfetto.dev and chrome://tracing

// A title or message without the marks around names, hidden characters shown.
std::string plain_words(std::string_view prose);

}  // namespace vigil::reports
