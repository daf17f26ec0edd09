// Which frames are the user's: those a reader can change. The rest (the runtime, the standard library, the C library,
// boost) is folded away, but never all of a stack: when nothing would be left, everything counts as the user's.
#pragma once

#include <span>

#include "reports/model/report.hpp"

namespace vigil::reports {

bool is_library_frame(const Frame& frame);  // costly; frames made by share_frame() know their answer

// Drops the frames by which a call of the user's arrived in vigil's own code: nobody can change them, and the finding's
// operation says what they were. A stack without a frame of the user's stays whole.
void drop_vigil_above_user(Stack& stack);

// Indices of the frames to show; all of them when none is the user's.
std::vector<std::size_t> user_frames(const Stack& stack);

// The innermost frame that really is the user's, or null.
const Frame* find_user_frame(const Stack& stack);

// The innermost frame to show as the user's: any frame when none is. Null for an empty stack only.
const Frame* first_user_frame(const Stack& stack);

}  // namespace vigil::reports
