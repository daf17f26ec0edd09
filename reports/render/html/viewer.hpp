// The viewer's two files, built from reports/viewer and made part of the program.
#pragma once

#include "reports/render/html/writer.hpp"

namespace vigil::reports::html {

Markup viewer_script() noexcept;
Markup viewer_style() noexcept;

}  // namespace vigil::reports::html
