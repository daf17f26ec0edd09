#include "interpose/judge.hpp"

#include <algorithm>

namespace vigil::shim {

Verdict judge(const Look& look) noexcept {
  if (look.moving_tasks != 0 || look.timers != 0) return Verdict::Moves;
  for (const ThreadLook& thread : look.threads) {
    if (thread.kind == CallKind::None || !thread.for_ever) return Verdict::Moves;
  }
  if (look.has_strangers || !look.tasks_known) return Verdict::Unclear;
  // A handler may post a semaphore or wake who waits for an atomic, and many a program's handler notifies a condition
  // though it may not. It unlocks nothing, ends no thread, no initialiser and uses no primitive of the runtime.
  const bool handler_may_wake = std::any_of(look.threads.begin(), look.threads.end(), [](const ThreadLook& thread) {
    return thread.kind == CallKind::Semaphore || thread.kind == CallKind::Cond || thread.kind == CallKind::Word ||
           thread.kind == CallKind::OpenWord;
  });
  if (look.has_signal_handlers && handler_may_wake) return Verdict::Unclear;
  if (std::any_of(look.threads.begin(), look.threads.end(),
                  [](const ThreadLook& thread) { return thread.kernel != KernelState::Asleep; })) {
    return Verdict::Unclear;
  }
  return look.threads.empty() && look.blocked_tasks == 0 ? Verdict::Moves : Verdict::Deadlock;
}

Verdict judge(const Look& first, const Look& second) noexcept {
  const Verdict before = judge(first);
  const Verdict after = judge(second);
  if (before != Verdict::Deadlock || after != Verdict::Deadlock)
    return after == Verdict::Deadlock ? Verdict::Unclear : after;
  const bool same = first.threads == second.threads && first.blocked_tasks == second.blocked_tasks &&
                    first.stranded_tasks == second.stranded_tasks;
  return same ? Verdict::Deadlock : Verdict::Unclear;
}

}  // namespace vigil::shim
