// The handshake with `vigil run`: it learns that the shim really came up.
#pragma once

namespace vigil::shim {

// Answers on the pipe that VIGIL_HANDSHAKE=<fd>:<inode> names, and opens the record at once. Without that variable, or
// when the descriptor is not that pipe (a child of the program inherits the variable but not the pipe), does nothing.
void answer_handshake() noexcept;

}  // namespace vigil::shim
