// A part of the manual as roff, with the macros of man(7).
#include <fmt/core.h>

#include <string>
#include <string_view>

#include "reports/cli/manual.hpp"

namespace vigil::reports {
namespace {

// Text as roff shows it: a hyphen that can be copied, no line that begins like a request.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += "\\&";
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string option_names(const ManualOption& option) {
  std::string text;
  for (const std::string& name : option.names)
    text += fmt::format("{}\\fB{}\\fR", text.empty() ? "" : ", ", plain(name));
  if (!option.type.empty()) text += fmt::format("=\\fI{}\\fR", plain(option.type));
  return text;
}

void write_option(std::string& out, std::string_view names, const ManualOption& option) {
  out += fmt::format(".TP\n{}\n{}", names, plain(option.help));
  if (!option.otherwise.empty()) out += fmt::format(" [{}]", plain(option.otherwise));
  out += '\n';
}

std::string synopsis(const ManualVerb& verb) {
  std::string text = "\\fBvigil";
  if (!verb.name.empty()) text += " " + plain(verb.name);
  text += "\\fR";
  if (!verb.options.empty()) text += " [\\fIoptions\\fR]";
  for (const ManualOption& positional : verb.positionals) {
    const std::string& shown = positional.type.empty() ? positional.names.front() : positional.type;
    const std::string one = fmt::format("\\fI{}\\fR{}", plain(shown), positional.is_repeated ? " ..." : "");
    text += positional.is_required ? " " + one : fmt::format(" [{}]", one);
  }
  return text;
}

// The footer's paragraphs. A line that ends in a colon and stands alone begins a section; lines that begin with two
// spaces are shown as they are.
void write_footer(std::string& out, std::string_view footer) {
  bool as_is = false;
  const auto leave = [&] {
    if (as_is) out += ".fi\n";
    as_is = false;
  };
  while (!footer.empty()) {
    const std::size_t end = footer.find('\n');
    const std::string_view line = footer.substr(0, end);
    footer.remove_prefix(end == std::string_view::npos ? footer.size() : end + 1);
    if (line.empty()) {
      leave();
      if (!footer.empty()) out += ".PP\n";
    } else if (line.starts_with("  ")) {
      if (!as_is) out += ".nf\n";
      as_is = true;
      out += plain(line) + '\n';
    } else if (line.ends_with(':') && footer.starts_with("  ")) {
      leave();
      if (out.ends_with(".PP\n")) out.resize(out.size() - 4);
      std::string title(line.substr(0, line.size() - 1));
      for (char& c : title) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
      out += fmt::format(".SH \"{}\"\n", plain(title));
    } else {
      leave();
      out += plain(line) + '\n';
    }
  }
  leave();
}

}  // namespace

std::string man_page(const Manual& manual, const ManualVerb& verb) {
  const std::string name = verb.name.empty() ? "vigil" : "vigil-" + verb.name;
  std::string title = name;
  for (char& c : title) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  std::string out = fmt::format(".TH {} 1 \"\" \"{}\" \"vigil\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n{}\n", plain(title),
                                plain(manual.version), plain(name), plain(verb.what), synopsis(verb));
  if (verb.name.empty()) {
    out += ".SH COMMANDS\n";
    for (const ManualVerb& other : manual.verbs) {
      out += fmt::format(".TP\n\\fBvigil {}\\fR\n{}; see vigil\\-{}(1)\n", plain(other.name), plain(other.what),
                         plain(other.name));
    }
  }
  if (!verb.positionals.empty()) {
    out += ".SH ARGUMENTS\n";
    for (const ManualOption& positional : verb.positionals) {
      const std::string& shown = positional.type.empty() ? positional.names.front() : positional.type;
      write_option(out, fmt::format("\\fI{}\\fR", plain(shown)), positional);
    }
  }
  out += ".SH OPTIONS\n";
  for (const ManualOption& option : verb.options) write_option(out, option_names(option), option);
  if (!verb.footer.empty()) {
    const std::size_t before = out.size();
    write_footer(out, verb.footer);
    // Paragraphs that stand in front of the first section are not about the last option.
    if (out.compare(before, 4, ".SH ") != 0) out.insert(before, ".SH NOTES\n");
  }
  if (!verb.name.empty()) out += ".SH \"SEE ALSO\"\nvigil(1)\n";
  return out;
}

}  // namespace vigil::reports
