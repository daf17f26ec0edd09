// reports/viewer/dist, put into the program by the assembler: 100 KB of text would take a C++ compiler seconds, and
// C++20 has no #embed. CMake gives the paths, and rebuilds this file when one of them changes.
#include "reports/render/html/viewer.hpp"

#define VIGIL_INCLUDE_FILE(symbol, path)                                                           \
  __asm__(                                                                                         \
      ".pushsection .rodata\n"                                                                     \
      ".hidden " #symbol "\n.hidden " #symbol                                                      \
      "_end\n"                                                                                     \
      ".global " #symbol "\n.global " #symbol "_end\n" #symbol ":\n.incbin \"" path "\"\n" #symbol \
      "_end:\n"                                                                                    \
      ".popsection\n")

VIGIL_INCLUDE_FILE(vigil_viewer_js, VIGIL_VIEWER_DIST "/viewer.js");
VIGIL_INCLUDE_FILE(vigil_viewer_css, VIGIL_VIEWER_DIST "/viewer.css");

extern "C" {
extern const char vigil_viewer_js[];
extern const char vigil_viewer_js_end[];
extern const char vigil_viewer_css[];
extern const char vigil_viewer_css_end[];
}

namespace vigil::reports::html {
namespace {

std::string_view between(const char* from, const char* to) noexcept {
  std::string_view text(from, static_cast<std::size_t>(to - from));
  while (text.ends_with('\n')) text.remove_suffix(1);  // an editor's last line end is no part of it
  return text;
}

}  // namespace

Markup viewer_script() noexcept { return Markup(between(vigil_viewer_js, vigil_viewer_js_end)); }
Markup viewer_style() noexcept { return Markup(between(vigil_viewer_css, vigil_viewer_css_end)); }

}  // namespace vigil::reports::html
