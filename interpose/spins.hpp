// Spins: one place that takes a select's default, or receives from a closed channel, over and over and does nothing
// else.
//
// "Nothing else" is what this thread shows between two rounds: no other primitive used (operations()), and no more of
// the processor than the round itself costs, nor any sleep: the thread's own times are compared over a run of rounds.
// A poller with something to do takes longer; one that backs off sleeps; a task that is switched away while others work
// shares its thread with them. None of these is a spin.
#pragma once

#include <cstdint>

#include "vigil/probe.h"

namespace vigil::shim::spins {

namespace detail {
// Grows with each thing a primitive did for whoever runs on this thread.
extern thread_local constinit std::uint64_t operations __attribute__((tls_model("initial-exec")));
}  // namespace detail

// Something else was done than spinning. One instruction: called by the hot probes.
inline void did_something() noexcept { ++detail::operations; }

void closed_receive(vigil_probe_actor* actor, const void* channel) noexcept;
// Hot: the first rounds only count.
void default_taken(vigil_probe_actor* actor, const vigil_probe_case* cases, std::uint32_t case_count) noexcept;

}  // namespace vigil::shim::spins
