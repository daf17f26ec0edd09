// ScriptJson: JSON inside a <script> element. Strings are data: `<`, `>` and `&` are written as escapes, so that
// nothing in them can end the element; characters that hide or turn text around are shown as escapes, as HtmlWriter
// does; what is too long for a page is cut.
#pragma once

#include "reports/render/json_text.hpp"

namespace vigil::reports::html {

struct ScriptEscape {
  static void append(std::string& out, std::string_view value);
};
using ScriptJson = JsonText<ScriptEscape>;

}  // namespace vigil::reports::html
