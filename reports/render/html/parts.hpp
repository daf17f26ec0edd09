// The parts of the page, each in a file of its own. They write; they decide nothing about the report.
#pragma once

#include <string>
#include <string_view>

#include "reports/model/report.hpp"
#include "reports/model/ring.hpp"
#include "reports/model/sources.hpp"
#include "reports/render/html/writer.hpp"

namespace vigil::reports::html {

// Paths are shown below the deepest folder that holds all of the user's files.
class PathView {
 public:
  explicit PathView(const Report& report);
  [[nodiscard]] std::string_view shown(std::string_view path) const noexcept;
  [[nodiscard]] const std::string& root() const noexcept { return root_; }  // with its final slash, or ""

 private:
  std::string root_;
};

struct Context {
  const Report& report;
  const Sources& sources;
  PathView paths;
};

Markup style_sheet() noexcept;

// Head with policy and style, up to and with <body>.
void write_head(HtmlWriter& out, std::string_view title);
void write_foot(HtmlWriter& out, std::string_view vigil_version);

// The shape beside the verdict; it says the same as the colour.
void write_mark(HtmlWriter& out, const Report& report);
void write_overview(HtmlWriter& out, const Report& report);
void write_contents(HtmlWriter& out, const Report& report);
void write_finding(HtmlWriter& out, const Context& context, const Finding& finding, std::size_t number);
void write_state(HtmlWriter& out, const Context& context);

enum class SourceMode : std::uint8_t { None, First, All };  // which user frames show their lines unfolded
void write_stack(HtmlWriter& out, const Context& context, const Stack& stack, SourceMode sources);
void write_snippet(HtmlWriter& out, const Snippet& snippet);
void write_ring(HtmlWriter& out, const Ring& ring, std::size_t number);

// "a", "b" and <code>: what a C++ line is made of, coloured.
void write_code_line(HtmlWriter& out, std::string_view line, bool& in_comment);

}  // namespace vigil::reports::html
