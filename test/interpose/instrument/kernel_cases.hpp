// What the cases of what the kernel hands on share: one value, written in one thread and read in another.
#pragma once

#include <cstdlib>
#include <thread>

namespace vigil::test {

inline long value = 0;

inline void demand(bool holds) {
  if (!holds) std::abort();
}

// give() in another thread lets take() return in this one.
template <class Give, class Take>
void hand_over(Give&& give, Take&& take) {
  std::thread other([&] {
    value = 1;
    give();
  });
  take();
  demand(value == 1);
  value = 2;
  other.join();
}

}  // namespace vigil::test
