// A stack: the user's frames with their source lines, the others folded between them.
#include <string>

#include "reports/model/function_name.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/render/html/parts.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports::html {
namespace {

void write_function(HtmlWriter& out, const Frame& frame) {
  out << "<span class=\"fn\" title=\"" << Text{frame.function} << "\">";
  if (frame.function.empty()) {
    out << "unknown function";
  } else {
    const std::string name = short_name(frame.function);
    out << Text{name};
  }
  out << "</span>";
  if (frame.inlined)
    out << "<span class=\"inl\" title=\"The compiler put this call's code into its caller\">inlined</span>";
}

void write_place(HtmlWriter& out, const Context& context, const Frame& frame) {
  const std::string place = place_words(frame);
  out << "<span class=\"at\" title=\"" << Text{place} << "\">" << Text{context.paths.shown(place)} << "</span>";
}

void write_frame(HtmlWriter& out, const Context& context, const Frame& frame, bool first, SourceMode mode) {
  out << "<li class=\"frame" << (first ? Markup(" first") : Markup("")) << (frame.library ? Markup(" lib") : Markup(""))
      << "\">";
  const Snippet* snippet = mode == SourceMode::None ? nullptr : context.sources.find(frame);
  if (snippet == nullptr) {
    write_function(out, frame);
    write_place(out, context, frame);
  } else if (first || mode == SourceMode::All) {
    write_function(out, frame);
    write_place(out, context, frame);
    write_snippet(out, *snippet);
  } else {
    out << "<details><summary>";
    write_function(out, frame);
    write_place(out, context, frame);
    out << "</summary>";
    write_snippet(out, *snippet);
    out << "</details>";
  }
  out << "</li>\n";
}

void write_folded(HtmlWriter& out, const Context& context, const Stack& stack, std::size_t from, std::size_t to) {
  if (from == to) return;
  out << "<li class=\"frame fold-row\"><details class=\"fold\"><summary>" << (to - from)
      << (to - from == 1 ? Markup(" library frame") : Markup(" library frames")) << "</summary><ol class=\"stack\">\n";
  for (std::size_t i = from; i < to; ++i) write_frame(out, context, *stack[i], false, SourceMode::None);
  out << "</ol></details></li>\n";
}

}  // namespace

void write_stack(HtmlWriter& out, const Context& context, const Stack& stack, SourceMode sources) {
  if (stack.empty()) {
    out << "<p class=\"note\">No stack is known.</p>";
    return;
  }
  out << "<ol class=\"stack\">\n";
  std::size_t done = 0;
  bool first = true;
  for (const std::size_t i : user_frames(stack)) {
    write_folded(out, context, stack, done, i);
    write_frame(out, context, *stack[i], first, sources);
    first = false;
    done = i + 1;
  }
  write_folded(out, context, stack, done, stack.size());
  out << "</ol>\n";
}

}  // namespace vigil::reports::html
