#include "interpose/channel_word.hpp"

#include "interpose/runtime_view.hpp"

namespace vigil::shim::channel_word {

namespace detail {
constinit std::atomic<std::size_t> offset{0};
}

void attach() noexcept {
  const vigil_probe_runtime* const table = runtime();
  if (table == nullptr || !has(*table, &vigil_probe_runtime::channel_word)) return;
  detail::offset.store(table->channel_word, std::memory_order_relaxed);
}

void set(const void* channel, ChannelObject* object) noexcept {
  const std::size_t at = detail::offset.load(std::memory_order_relaxed);
  if (at == 0) return;
  // The probes have it as const; this word of it is ours.
  auto* const record = static_cast<std::byte*>(const_cast<void*>(channel));
  *reinterpret_cast<ChannelObject**>(record + at) = object;
}

}  // namespace vigil::shim::channel_word
