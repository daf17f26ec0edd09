// Deadline: when this process is to be ended because the time that `deadline` says is over.
//
// One that waits for watched children (watched_children.hpp) gives them the time to end by their own deadlines, and
// then goes on as long as it moves. All that is bounded: it lasts at most as long again, and half a minute for reports.
#pragma once

#include <cstdint>
#include <optional>

#include "interpose/stall.hpp"

namespace vigil::shim {

class Deadline {
 public:
  // length_ns: 0 is never.
  Deadline(std::int64_t started_ns, std::int64_t length_ns) noexcept;
  // When to look next, in the steady clock's ns; the largest value: never.
  [[nodiscard]] std::int64_t next_ns() const noexcept { return next_ns_; }
  // Looks if it is time to. Whether the process is to be ended.
  [[nodiscard]] bool look(std::int64_t now_ns) noexcept;

 private:
  std::int64_t next_ns_;
  std::int64_t last_ns_;
  bool had_watched_ = false;  // children, when its time was over
  // Since no watched child lives (or is there yet): whether it still moves, and until when it may.
  std::optional<StallWatch> rest_;
  std::int64_t rest_end_ns_ = 0;
};

}  // namespace vigil::shim
