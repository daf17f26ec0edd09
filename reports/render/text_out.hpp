// Where a text goes that is made piece by piece.
#pragma once

#include <functional>
#include <string_view>

namespace vigil::reports {

using TextOut = std::function<void(std::string_view piece)>;

}  // namespace vigil::reports
