// Misuse: findings that one wrong call makes, each with the stack of that call and of what made it wrong.
#pragma once

#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/objects.hpp"

namespace vigil::shim {

// On the thread of the actor that does it, before its Panic is thrown. channel: null when it is nil or not known.
void tell_channel_misuse(const Actor& actor, const ChannelObject* channel, std::uint32_t misuse) noexcept;
void tell_negative_group(const Actor& actor, const GroupObject& group, std::int64_t delta) noexcept;
// what and type as in vigil_probe_task_exception.
void tell_task_exception(const Actor& actor, const char* what, const char* type) noexcept;

}  // namespace vigil::shim
