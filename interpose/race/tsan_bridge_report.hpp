// From a report of the ThreadSanitizer runtime to a finding. The runtime calls us with its own locks held: nothing here
// calls it for anything but the report's contents, allocates from the program's heap, or waits for who may be in it.
#pragma once

#include <string_view>

namespace vigil::shim::race::bridge {

// How the runtime's names for tasks begin; the rest is their ActorKey in hexadecimal.
inline constexpr std::string_view kTaskName = "vigil task ";

}  // namespace vigil::shim::race::bridge
