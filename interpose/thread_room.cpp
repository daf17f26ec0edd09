#include "interpose/thread_room.hpp"

#include <sched.h>
#include <signal.h>

#include <cstdint>

namespace vigil::shim {
namespace {

// All but the stack and its guard.
void copy_without_stack(const pthread_attr_t& from, pthread_attr_t& to) noexcept {
  int value = 0;
  if (pthread_attr_getdetachstate(&from, &value) == 0) pthread_attr_setdetachstate(&to, value);
  if (pthread_attr_getinheritsched(&from, &value) == 0) pthread_attr_setinheritsched(&to, value);
  if (pthread_attr_getschedpolicy(&from, &value) == 0) pthread_attr_setschedpolicy(&to, value);
  if (pthread_attr_getscope(&from, &value) == 0) pthread_attr_setscope(&to, value);
  sched_param priority{};
  if (pthread_attr_getschedparam(&from, &priority) == 0) pthread_attr_setschedparam(&to, &priority);
  sigset_t blocked;
  if (pthread_attr_getsigmask_np(&from, &blocked) == 0) pthread_attr_setsigmask_np(&to, &blocked);
  cpu_set_t processors;
  // All of them means that none were chosen.
  if (pthread_attr_getaffinity_np(&from, sizeof processors, &processors) == 0 && CPU_COUNT(&processors) < CPU_SETSIZE) {
    pthread_attr_setaffinity_np(&to, sizeof processors, &processors);
  }
}

}  // namespace

bool is_stack_given(const pthread_attr_t& attributes) noexcept {
  void* low = nullptr;
  std::size_t bytes = 0;
  if (pthread_attr_getstack(&attributes, &low, &bytes) != 0) return true;
  return reinterpret_cast<std::uintptr_t>(low) + bytes != 0;  // unset, its end is 0
}

ThreadRoom::ThreadRoom(const pthread_attr_t* wanted) noexcept : attributes_(wanted) {
  std::size_t bytes = 0;
  if (wanted == nullptr) {
    // RLIMIT_STACK when the program began, or what it said since: it may change from thread to thread.
    if (pthread_getattr_default_np(&larger_) != 0) return;
    is_made_ = true;
    if (pthread_attr_getstacksize(&larger_, &bytes) == 0 && bytes < kLarge) use_with_room(bytes);
    return;
  }
  if (pthread_attr_getstacksize(wanted, &bytes) != 0 || bytes >= kLarge) return;
  if (!is_stack_given(*wanted)) {
    larger_ = *wanted;  // what it points to is only read, and stays the program's
    use_with_room(bytes);
  } else if (bytes < kLeastOwn && pthread_attr_init(&larger_) == 0) {
    is_made_ = true;
    copy_without_stack(*wanted, larger_);
    use_with_room(bytes);
  }
}

void ThreadRoom::use_with_room(std::size_t bytes) noexcept {
  if (pthread_attr_setstacksize(&larger_, bytes + kRoom) == 0) attributes_ = &larger_;
}

ThreadRoom::~ThreadRoom() {
  if (is_made_) pthread_attr_destroy(&larger_);
}

}  // namespace vigil::shim
