// Choices: where a schedule is decided. Usually nobody decides: actors run in parallel and queues say who is next.
// While a ChoiceSource is installed (turns.hpp), it is asked at every step, so that a run can be scripted, drawn from a
// seed, and repeated.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vigil::detail {

// Who could go on next. Tasks are numbered by their id; plain threads from kThread on, as they join.
enum class ChoiceKey : std::uint64_t {};
inline constexpr std::uint64_t kThreadKey = std::uint64_t{1} << 63;
inline bool is_thread(ChoiceKey key) noexcept { return (static_cast<std::uint64_t>(key) & kThreadKey) != 0; }

struct Step {
  std::span<const ChoiceKey> who;  // never empty
  bool first_runs = false;         // who[0] is at a choice point and may just go on; else nobody runs
  bool yields = false;             // who[0] asks that others go first
};

// Called by one actor at a time, under the lock of Turns: no locks, no allocation, no primitives in here.
class ChoiceSource {
 public:
  // The index of who goes on.
  virtual std::size_t next(const Step& step) noexcept = 0;
  // 0 .. bound - 1, for any other choice: the case of a select that is tried first, who wins a lock. bound > 1.
  virtual std::uint32_t below(std::uint32_t bound) noexcept = 0;

 protected:
  ~ChoiceSource() = default;
};

// True while a source is installed. relaxed: it is set before the first worker exists.
extern constinit std::atomic<bool> choosing;
inline bool is_choosing() noexcept { return choosing.load(std::memory_order_relaxed); }

void choice_point_slow() noexcept;
// Before an operation that does not enter the runtime (thread_record.hpp; Inside is a choice point by itself): others
// may go first. The caller holds no lock of ours.
inline void choice_point() noexcept {
  if (is_choosing()) [[unlikely]]
    choice_point_slow();
}

}  // namespace vigil::detail
