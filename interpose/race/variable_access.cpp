// The accesses that the program tells of itself (Traced<T>), whether or not it is instrumented.
#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "interpose/race/engine_thread.hpp"
#include "interpose/race/granule_part.hpp"
#include "interpose/race/lookups.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/private_states.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/usual_access.hpp"

namespace vigil::shim::race {
namespace {

// Whether a plain access to all bytes of it would change nothing. Asked before the stack is captured, which costs more
// than all else.
bool is_covered(EngineThread& thread, std::uintptr_t address, std::uintptr_t end, std::uint64_t how) noexcept {
  const std::uint64_t epoch = *hot.epoch;
  const bool is_write = (how & AccessWord::kWrite) != 0;
  while (address < end) {
    const GranulePart part = first_granule(address, end);
    const StateId state = cell_of(address).load(std::memory_order_acquire);
    const CoveredEntry& entry = thread.covered_entry(state);
    if (!entry.is_of(state) || !entry.covers(epoch, is_write, part.mask)) {
      const AccessWord word(epoch | how | part.mask);
      const Covered covered =
          is_private(state) ? look_at_private(state, word).covered : covered_on_top(state, word.at());
      if ((part.mask & ~(is_write ? covered.writes : covered.reads)) != 0) return false;
      thread.remember_covered(epoch, state, static_cast<std::uint8_t>(~covered.reads),
                              static_cast<std::uint8_t>(~covered.writes));
    }
    address += part.bytes;
  }
  return true;
}

void variable_access(std::uintptr_t address, std::size_t size, std::uint64_t how) noexcept {
  if (!has_shadow(address) || size > kWatchedEnd - address) return;
  const int saved_errno = errno;
  const std::uintptr_t end = address + size;
  for (std::uintptr_t at = address, stop = 0; at < end; at = stop) {
    stop = std::min(end, (at / kGranuleBytes + kGranulesAtOnce) * kGranuleBytes);
    EngineThread* const thread = enter_for_variable();
    if (thread == nullptr) return;
    if (!is_covered(*thread, at, stop, how)) {
      enter_stretch(*thread, at, stop, how, context_of_stack(*thread, capture_stack()));
    }
    if (!thread->found.any()) [[likely]] {
      leave_variable(*thread);
    } else {
      thread->found.tell_of_variable(address, size);
      leave_and_report(*thread);
    }
  }
  errno = saved_errno;
}

}  // namespace

void variable_read(std::uintptr_t address, std::size_t size) noexcept {
  if (ignored.reads == 0) variable_access(address, size, 0);
}
void variable_write(std::uintptr_t address, std::size_t size) noexcept {
  if (ignored.writes == 0) variable_access(address, size, AccessWord::kWrite);
}

}  // namespace vigil::shim::race
