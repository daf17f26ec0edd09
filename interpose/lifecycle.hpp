// The stages of the shim's life in one process, and the one door into it.
//
//   Cold -> Starting -> Live -> Stopping -> Off       (any stage may go to Off; Off is final)
//
// Cold: nothing known yet; Starting: the constructor or the first event sets up; Live: events are recorded;
// Stopping: the end is being reported, events are ignored; Off: absent.
#pragma once

#include <cerrno>
#include <cstdint>
#include <utility>

#include <atomic>

namespace vigil::shim {

enum class Stage : std::uint8_t { Cold, Starting, Live, Stopping, Off };

// Written by lifecycle.cpp only. acquire in readers pairs with the release that publishes Live: who sees Live sees
// everything that Starting set up.
extern constinit std::atomic<Stage> current_stage;

inline Stage stage() noexcept { return current_stage.load(std::memory_order_acquire); }
bool ensure_live_slow() noexcept;
// Brings the shim from Cold to Live on first use; returns whether it is Live now. Cheap when it is.
inline bool ensure_live() noexcept { return stage() == Stage::Live || ensure_live_slow(); }
// Trouble inside the shim: one line to stderr, then Off. Never returns control to user code differently than before.
void go_off(const char* why) noexcept;

// Whether this thread is inside the shim already: wrapped functions it calls then only forward.
// Initial-exec, trivially destructible.
extern thread_local constinit bool inside_shim __attribute__((tls_model("initial-exec")));

class InsideGuard {
 public:
  InsideGuard() noexcept : before_(std::exchange(inside_shim, true)) {}
  ~InsideGuard() { inside_shim = before_; }
  InsideGuard(const InsideGuard&) = delete;
  InsideGuard& operator=(const InsideGuard&) = delete;

 private:
  bool before_;
};

// How many events were skipped because a signal handler (or we ourselves) entered while inside.
void count_skipped() noexcept;
std::uint64_t skipped_events() noexcept;

// Live -> Stopping, by whoever runs the end; and back, when the end turns out not to be one (a failed exec never gets
// here; halt_on_error whose finding is suppressed does).
bool begin_stopping() noexcept;
// Off without a word: the child of a many-threaded fork.
void go_absent() noexcept;

// The one door: runs body when the shim is Live and this thread is not inside already; keeps errno.
template <class Body>
inline void record(Body&& body) noexcept {
  if (inside_shim) {
    count_skipped();
    return;
  }
  const int saved_errno = errno;
  {
    const InsideGuard inside;
    if (ensure_live()) std::forward<Body>(body)();
  }
  errno = saved_errno;
}

}  // namespace vigil::shim
