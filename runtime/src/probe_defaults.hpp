// Empty defaults under a second, hidden name: the first can be taken over by a watcher, this one cannot. To be compared
// with, not to be called.
#pragma once

#include "runtime/src/hidden.hpp"
#include "vigil/probe.h"

extern "C" {
VIGIL_HIDDEN void vigil_empty_channel_send(vigil_probe_actor*, const void*, size_t) noexcept;
VIGIL_HIDDEN void vigil_empty_channel_receive(vigil_probe_actor*, const void*, size_t) noexcept;
}
