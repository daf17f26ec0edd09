// What orders an actor while it is inside a call of a library whose synchronisation nobody sees: functions of the
// program's that the library calls from there come after what others gave for them, but when they were called is not
// told. So where the thread meets a conflict meanwhile, it is compared once more as if it had acquired what the call
// is for; as for cancelled threads (decision 117): more order than there is, never less.
#pragma once

#include "interpose/race/epoch.hpp"

namespace vigil::shim::library_waits {

// This thread is inside a call that is for that object, from here to the end of the scope. Calls nest. Where an
// exception or the end of the thread passes a scope by, it goes on being inside: more order than there is.
class Within {
 public:
  explicit Within(const void* object) noexcept;
  ~Within();
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;
};

// Its address is what such a call is for whose functions come after whatever was done before.
inline constexpr char kAllThatWas = 0;

// A function has ended that a library calls once, for all threads that will come to what it has made.
void prepared() noexcept;

// Whether what happened at that moment may be ordered before what this thread does now.
bool may_order(race::Epoch older) noexcept;

}  // namespace vigil::shim::library_waits
