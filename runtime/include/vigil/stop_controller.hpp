// StopController: tells any number of tasks to stop, and may be told so any number of times.
#pragma once

#include <memory>

#include "vigil/channel.hpp"
#include "vigil/once.hpp"

namespace vigil {

// A handle: copies are the same, and moving one copies it. Closing a channel twice is a bug in Go; this is the idiom
// that avoids it. Ordering: stop() happens before whatever follows a receive from stopped().
class StopController {
 public:
  StopController() : state_(std::make_shared<State>()) {}
  StopController(const StopController&) noexcept = default;
  StopController& operator=(const StopController&) noexcept = default;
  ~StopController() = default;

  // Closes stopped(). May be called again, and from any task or thread; when it returns, stopped() is closed.
  void stop() const {
    state_->once.call([&] { state_->stopped.close(); });
  }
  // Closed once stop() was called; nothing is ever sent on it. For select(), for SafeReceiver, for waiting.
  [[nodiscard]] ReceiveChannel<Unit> stopped() const noexcept { return state_->stopped; }

 private:
  struct State {
    Once once;
    Channel<Unit> stopped{0};
  };
  std::shared_ptr<State> state_;
};

}  // namespace vigil
