// ThreadRoom: room on a new thread's stack for what the shim does there.
//
// The shim's thread-locals lie on the stack of every thread (4 KiB), and its calls stand on it: up to 9 KiB when a
// finding is told, measured by painted stacks. A program that gave its threads 16 KiB has use for all of them. So:
//   - A stack of a size that the program chose, or that is small by default, is made larger by kRoom.
//   - Memory of the program's own that is smaller than kLeastOwn is not used: such a thread gets a stack of the
//     system's, of that size and kRoom. The program's memory stays as it is, as if its thread had not used it.
// The program's attributes say what they said.
#pragma once

#include <pthread.h>

#include <cstddef>

namespace vigil::shim {

class ThreadRoom {
 public:
  static constexpr std::size_t kRoom = 64UL << 10U;    // bytes
  static constexpr std::size_t kLarge = 256UL << 10U;  // from here on the shim's part is small beside the program's
  static constexpr std::size_t kLeastOwn = 32UL << 10U;

  // wanted: what the program gave; may be null.
  explicit ThreadRoom(const pthread_attr_t* wanted) noexcept;
  ~ThreadRoom();
  ThreadRoom(const ThreadRoom&) = delete;
  ThreadRoom& operator=(const ThreadRoom&) = delete;

  // What to make the thread with.
  [[nodiscard]] const pthread_attr_t* attributes() const noexcept { return attributes_; }

 private:
  void use_with_room(std::size_t bytes) noexcept;

  const pthread_attr_t* attributes_;
  pthread_attr_t larger_{};
  bool is_made_ = false;  // and is to be destroyed
};

// Whether these are attributes with memory of the program's own for a stack.
bool is_stack_given(const pthread_attr_t& attributes) noexcept;

}  // namespace vigil::shim
