// Alternate stacks: on which our handlers run when a thread has used up its own. Without one the kernel ends a program
// that recurses for ever at once, and nobody hears of it.
//
// Invariants
//   A1  Who has one of his own, the program's or the runtime's, keeps it; who sets one later replaces ours.
//   A2  The program's handlers run there, too, when they ask for an alternate stack: what lies there is the program's,
//       and searched like all of its memory.
//   A3  One mapping holds them all, made with the first: kMost threads at a time have one, later ones go without.
#pragma once

namespace vigil::shim::alternate_stacks {

inline constexpr unsigned kMost = 64;

// To the calling thread.
void give() noexcept;
// The calling thread ends: what it was given goes to another, unless a handler still stands on it.
void take_back() noexcept;
// In a child, whose only thread is the one that calls.
void forked() noexcept;

}  // namespace vigil::shim::alternate_stacks
