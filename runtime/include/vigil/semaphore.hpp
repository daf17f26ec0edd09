// Semaphore: a number of tokens that tasks take and give back, any number at once. Source: golang.org/x/sync/semaphore.
#pragma once

#include <cstdint>
#include <system_error>

#include "vigil/context.hpp"
#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/wait_queue_head.hpp"

namespace vigil {

// Cannot be copied. First come, first served: one that wants many tokens is not overtaken by those that want few.
// Ordering: a release() happens before the return of every later acquire(). Counts below are tokens; a negative one
// throws Panic.
class Semaphore {
 public:
  // Throws Panic when size is negative.
  VIGIL_EXPORT explicit Semaphore(std::int64_t size);
  // Who waits for it waits for ever.
  VIGIL_EXPORT ~Semaphore();
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // Parks the caller until it has `count` tokens; for ever when there are not that many at all.
  [[gnu::always_inline]] void acquire(std::int64_t count = 1) {
    acquire_outlined(count);
    detail::keep_callers_frame();
  }
  // The same, until ctx is done: zero, or ctx.err() and no tokens. A ctx that is done already gets none. One that wants
  // more than there are waits for ctx without keeping others waiting.
  [[nodiscard]] VIGIL_EXPORT std::error_code acquire(const Context& ctx, std::int64_t count = 1);
  // Takes them if that needs no wait and overtakes nobody; says whether it did.
  [[nodiscard]] VIGIL_EXPORT bool try_acquire(std::int64_t count = 1);
  // Gives tokens back, by whomever they were taken. Throws Panic ("semaphore: released more than held").
  [[gnu::always_inline]] void release(std::int64_t count = 1) {
    release_outlined(count);
    detail::keep_callers_frame();
  }

 private:
  VIGIL_EXPORT void acquire_outlined(std::int64_t count);
  VIGIL_EXPORT void release_outlined(std::int64_t count);
  struct Waiting;
  [[nodiscard]] bool take_locked(std::int64_t count) noexcept;
  void grant_locked(void* woken) noexcept;
  void wait_without_context(void* inside, std::int64_t count);
  std::error_code wait_with_context(void* inside, const Context& ctx, std::int64_t count);

  const std::int64_t size_;
  std::int64_t taken_ = 0;  // guarded by lock_; 0 .. size_
  detail::SpinLockWord lock_;
  detail::WaitQueueHead waiting_;  // guarded by lock_
};

}  // namespace vigil
