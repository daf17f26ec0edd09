// The parts of the page, each in a file of its own. They write; they decide nothing about the report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reports/model/report.hpp"
#include "reports/model/ring.hpp"
#include "reports/model/sources.hpp"
#include "reports/render/html/page.hpp"
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

// One thing worth knowing about the run: "How it ended", "exited with status 0".
struct Fact {
  Markup name;
  std::string value;
  bool is_code = false;
};
std::vector<Fact> facts_of(const Report& report);
std::string date_of(const Report& report);  // "2026-11-21 15:04:05 UTC", or ""

// "bad", "warn" or "good".
Markup mood_of(const Report& report) noexcept;

// Head with policy and style, up to and with <body> and the beginning of the static form.
void write_head(HtmlWriter& out, std::string_view title);
// The end of the static form (runs: of an index over many, else null), then the viewer and its data, which takes the
// static form's place when it runs.
void write_foot(HtmlWriter& out, const Context& context, const std::vector<IndexEntry>* runs);

// The shape beside the verdict; it says the same as the colour.
void write_mark(HtmlWriter& out, const Report& report);
void write_overview(HtmlWriter& out, const Report& report);
void write_contents(HtmlWriter& out, const Report& report);
// The findings as cards: the first ones of many in full, some more by name, the rest counted. The viewer has all.
void write_findings(HtmlWriter& out, const Context& context);
void write_finding(HtmlWriter& out, const Context& context, const Finding& finding, std::size_t number);
void write_state(HtmlWriter& out, const Context& context);

enum class SourceMode : std::uint8_t { None, First, All };  // which user frames show their lines unfolded
void write_stack(HtmlWriter& out, const Context& context, const Stack& stack, SourceMode sources);
void write_snippet(HtmlWriter& out, const Snippet& snippet);
void write_ring(HtmlWriter& out, const Ring& ring, std::size_t number);

// What a C++ line is made of, for colours; the kind's letter is its class in the style sheet.
struct CodePart {
  enum class Kind : char { Plain = ' ', Keyword = 'k', Literal = 's', Comment = 'c', Number = 'n' };
  Kind kind;
  std::string_view text;  // of the line given
};
std::vector<CodePart> code_parts(std::string_view line, bool& in_comment);

// The viewer's data: the whole report, and the runs when it is an index over many; and the viewer itself.
void write_data(HtmlWriter& out, const Context& context, const std::vector<IndexEntry>* runs);
void write_viewer(HtmlWriter& out);

}  // namespace vigil::reports::html
