// Channel word: the shortest way from a channel to what the shim knows of it, for the probes of its operations. The
// runtime has a word in each channel's record for us (vigil_probe_runtime::channel_word); the table of objects, which
// others ask who have no more than an address, is asked by us where it has none.
//
// Threads: the word changes in the channel's make and destroy probes, when nobody else has it.
#pragma once

#include <atomic>
#include <cstddef>

#include "interpose/objects.hpp"

namespace vigil::shim::channel_word {

namespace detail {
// 0: there is none. relaxed: set when the runtime attaches, before its first channel.
extern constinit std::atomic<std::size_t> offset;
}  // namespace detail

// The runtime has attached.
void attach() noexcept;
// A channel was made, or goes (null).
void set(const void* channel, ChannelObject* object) noexcept;
// Demands that the channel is there, as it is during its probes. Null: it is not known.
inline ChannelObject* object_of(const void* channel) noexcept {
  const std::size_t at = detail::offset.load(std::memory_order_relaxed);
  if (at == 0) [[unlikely]]
    return channels().find(channel);
  return *reinterpret_cast<ChannelObject* const*>(static_cast<const std::byte*>(channel) + at);
}

}  // namespace vigil::shim::channel_word
