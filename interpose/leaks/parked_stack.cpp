#include "interpose/leaks/parked_stack.hpp"

#include <algorithm>

#include "interpose/kernel_threads.hpp"
#include "interpose/threads.hpp"

// Where the stack of the first thread began; the loader's.
extern "C" void* __libc_stack_end;

namespace vigil::shim::leaks {
namespace {

constexpr std::uintptr_t kMostStack = std::uintptr_t{1} << 30U;  // bytes; more is some other arrangement
constexpr std::uintptr_t kRecord = 2304;                         // bytes of libc's record of a thread (glibc 2.36)

}  // namespace

ParkedStack ParkedStacks::of(const vigil_probe_actor_view& view) noexcept {
  if ((view.flags & VIGIL_ACTOR_IS_THREAD) != 0) {
    const auto* const thread = static_cast<const Actor*>(view.actor->watch);
    return thread == nullptr || thread->thread == nullptr ? ParkedStack{} : of(*thread);
  }
  if (view.saved == nullptr || view.saved->rsp < view.stack_low || view.saved->rsp > view.stack_high) return {};
  return {.used = {view.saved->rsp, view.stack_high}, .low = view.saved->rsp};
}

ParkedStack ParkedStacks::of(const Actor& thread) noexcept {
  const ThreadPart& part = *thread.thread;
  const bool is_main = thread.id == 1;
  if (part.is_worker.load(std::memory_order_relaxed)) return {};
  const std::uintptr_t high =
      is_main ? reinterpret_cast<std::uintptr_t>(__libc_stack_end) : part.stack_high.load(std::memory_order_relaxed);
  const std::uintptr_t sp = stack_pointer_in_futex(part.tid.load(std::memory_order_acquire));
  if (sp == 0 || sp >= high || high - sp > kMostStack) return {};
  if (!mappings_) mappings_.emplace();
  const AddressRange mapping = mappings_->holding(sp);
  if (!mapping.holds(high - 1)) return {};  // it runs on another stack just now
  const bool is_whole = is_main ? mappings_->name_at(sp).view() == "[stack]" : part.has_own_stack;
  const std::uintptr_t record = part.handle.load(std::memory_order_relaxed);
  return {.used = {sp, high},
          .low = is_whole ? mapping.low : std::max(mapping.low, sp - kRedZone),
          .notes = {record, record + kRecord},
          .closure = {part.closure, part.closure + part.closure_bytes}};
}

}  // namespace vigil::shim::leaks
