// The two words by which a primitive that lives in user memory holds its waiters. Their meaning is the library's own.
#pragma once

#include <atomic>
#include <cstdint>

namespace vigil::detail {

struct Waiter;

struct SpinLockWord {
  std::atomic<std::uint32_t> word{0};
};

struct WaitQueueHead {
  Waiter* first = nullptr;
  Waiter* last = nullptr;
};

}  // namespace vigil::detail
