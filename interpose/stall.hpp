// Stall: whether nothing in the program has moved for the time that `stall` says.
//
// A thread that did anything has used its processor's time. So the watch looks, a few times in that time, at the clocks
// of all threads but the shim's: as long as the same threads sleep and no clock goes on, nothing moves. A thread that
// is ready but gets no processor, waits for a disk, or is held by a debugger is no sleeper. Looks are counted, and not
// the time between them: a process that was stopped and goes on has not stood still for that long by its own doing.
#pragma once

#include <cstdint>

namespace vigil::shim {

class StallWatch {
 public:
  // stall_ns: 0 is never.
  explicit StallWatch(std::int64_t stall_ns) noexcept;
  [[nodiscard]] bool is_on() const noexcept { return pause_ns_ != 0; }
  // When to look next, in the steady clock's ns; the largest value: never.
  [[nodiscard]] std::int64_t next_ns() const noexcept { return next_ns_; }
  // Looks if it is time to. Whether nothing moved for so long.
  [[nodiscard]] bool look(std::int64_t now_ns) noexcept;
  // What stood still until now had its reason.
  void begin_anew() noexcept { same_ = 0; }

 private:
  static constexpr int kLooks = 8;  // the first sets the mark: seven pauses make the whole time

  std::int64_t pause_ns_ = 0;
  std::int64_t next_ns_;
  std::uint64_t mark_ = 0;  // of what was seen last
  int same_ = 0;            // looks in a row that saw it
};

}  // namespace vigil::shim
