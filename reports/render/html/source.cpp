// Source lines, coloured just enough to be read fast: comments, strings, numbers, keywords. Not a C++ parser: a line
// starts where the snippet starts, so a comment that began above it is taken for code.
#include <algorithm>
#include <array>
#include <cctype>

#include "reports/render/html/parts.hpp"

namespace vigil::reports::html {
namespace {

constexpr std::array<std::string_view, 74> kKeywords{
    "alignas",  "auto",     "bool",         "break",     "case",      "catch",         "char",      "class",
    "concept",  "const",    "consteval",    "constexpr", "constinit", "continue",      "co_await",  "co_return",
    "co_yield", "decltype", "default",      "delete",    "do",        "double",        "else",      "enum",
    "explicit", "export",   "extern",       "false",     "final",     "float",         "for",       "friend",
    "goto",     "if",       "inline",       "int",       "long",      "mutable",       "namespace", "new",
    "noexcept", "nullptr",  "operator",     "override",  "private",   "protected",     "public",    "requires",
    "return",   "short",    "signed",       "sizeof",    "static",    "static_assert", "struct",    "switch",
    "template", "this",     "thread_local", "throw",     "true",      "try",           "typedef",   "typeid",
    "typename", "union",    "unsigned",     "using",     "virtual",   "void",          "volatile",  "while",
    "#include", "#define"};

bool is_word(char c) noexcept { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::size_t end_of_literal(std::string_view line, std::size_t from) noexcept {
  std::size_t at = from + 1;
  while (at < line.size() && line[at] != line[from]) at += line[at] == '\\' ? 2 : 1;
  return std::min(at + 1, line.size());
}

}  // namespace

std::vector<CodePart> code_parts(std::string_view line, bool& in_comment) {
  std::vector<CodePart> parts;
  std::size_t at = 0;
  const auto put = [&](CodePart::Kind kind, std::size_t end) {
    const std::string_view text = line.substr(at, end - at);
    at = end;
    if (!parts.empty() && parts.back().kind == kind) {
      parts.back().text = {parts.back().text.data(), parts.back().text.size() + text.size()};  // they touch
    } else {
      parts.push_back({kind, text});
    }
  };
  using enum CodePart::Kind;
  while (at < line.size()) {
    const std::string_view rest = line.substr(at);
    const char c = rest.front();
    if (in_comment || rest.starts_with("/*")) {
      const std::size_t close = line.find("*/", in_comment ? at : at + 2);
      in_comment = close == std::string_view::npos;
      put(Comment, in_comment ? line.size() : close + 2);
    } else if (rest.starts_with("//")) {
      put(Comment, line.size());
    } else if (c == '"' || (c == '\'' && (at == 0 || !is_word(line[at - 1])))) {
      put(Literal, end_of_literal(line, at));
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      std::size_t end = at + 1;
      while (end < line.size() && (is_word(line[end]) || line[end] == '.' || line[end] == '\'')) ++end;
      put(Number, end);
    } else if (is_word(c) || c == '#') {
      std::size_t end = at + 1;
      while (end < line.size() && is_word(line[end])) ++end;
      const std::string_view word = line.substr(at, end - at);
      put(std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end() ? Keyword : Plain, end);
    } else {
      std::size_t end = at + 1;
      while (end < line.size() && !is_word(line[end]) &&
             std::string_view("/\"'#").find(line[end]) == std::string_view::npos)
        ++end;
      put(Plain, end);
    }
  }
  return parts;
}

void write_snippet(HtmlWriter& out, const Snippet& snippet) {
  out << "<pre class=\"code\" tabindex=\"0\">";
  bool in_comment = false;
  for (std::size_t i = 0; i < snippet.lines.size(); ++i) {
    const std::uint32_t number = snippet.first_line + static_cast<std::uint32_t>(i);
    const bool hit = number == snippet.marked;
    out << (hit ? Markup("<span class=\"row hit\">") : Markup("<span class=\"row\">")) << "<span class=\"ln\">"
        << number << "</span>";
    for (const CodePart& part : code_parts(snippet.lines[i], in_comment)) {
      if (part.kind == CodePart::Kind::Plain) {
        out << Text{part.text};
      } else {
        const char kind[] = {static_cast<char>(part.kind), '\0'};
        out << "<i class=\"" << Text{kind} << "\">" << Text{part.text} << "</i>";
      }
    }
    out << "\n</span>";
  }
  out << "</pre>";
  if (snippet.may_have_changed)
    out << "<p class=\"stale\">This file is newer than the program that ran: the lines may have moved.</p>";
}

}  // namespace vigil::reports::html
