// Task dump: all that is alive, on standard error, in the form of Go's goroutine dumps, so that eyes and tools used to
// those can read it:
//
//   goroutine 18 [chan receive, 5 minutes]:
//   worker(vigil::Channel<int>)
//   \t/home/me/shop.cpp:12
//   created by main
//   \t/home/me/shop.cpp:20
//
// Where vigil has more to say than Go: equal tasks are one entry, whose state ends in "and 41 like it"; threads follow
// under `thread`, since their numbers are no tasks' numbers. Go shows no stack of what runs on another thread; nor do
// we. A frame without debug information gives its library in place of a file, line 0, and the offset in it.
#pragma once

namespace vigil::shim {

// On the service thread, while the program runs on: names are looked up only when the runtime is let go again.
void print_task_dump() noexcept;

}  // namespace vigil::shim
