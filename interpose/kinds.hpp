// Kind: every kind of finding, in one table. The names and levels are those of the contract, section 5.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vigil::shim {

enum class Kind : std::uint8_t {
  DataRace,
  UseAfterFree,
  LockCycle,
  Deadlock,
  TaskLeak,
  CancelledButAlive,
  TaskRunningAtExit,
  SendOnClosed,
  CloseOfClosed,
  CloseOfNil,
  CloseSendRace,
  WaitGroupNegative,
  WaitGroupRace,
  WaitGroupReuse,
  DoubleLock,
  UnlockNotHeld,
  DestroyLocked,
  UnlockByOther,
  TaskException,
  ClosedChannelSpin,
  BusySelect,
  LockHeldWhileBlocked,
  ContextLeak,
  TimerLeak,
  TaskGrowth,
  LostItems,
  LongBlock,
};

struct KindInfo {
  std::string_view name;
  bool is_error;       // else a warning
  bool on_by_default;  // else only when `detect` names it
};

inline constexpr std::array<KindInfo, 27> kKinds{{
    {"data-race", true, true},
    {"use-after-free", true, true},
    {"lock-cycle", true, true},
    {"deadlock", true, true},
    {"task-leak", true, true},
    {"cancelled-but-alive", true, true},
    {"task-running-at-exit", false, true},
    {"send-on-closed", true, true},
    {"close-of-closed", true, true},
    {"close-of-nil", true, true},
    {"close-send-race", true, true},
    {"wait-group-negative", true, true},
    {"wait-group-race", true, true},
    {"wait-group-reuse", true, true},
    {"double-lock", true, true},
    {"unlock-not-held", true, true},
    {"destroy-locked", true, true},
    {"unlock-by-other", true, true},
    {"task-exception", true, true},
    {"closed-channel-spin", false, true},
    {"busy-select", false, true},
    {"lock-held-while-blocked", false, true},
    {"context-leak", false, true},
    {"timer-leak", false, true},
    {"task-growth", false, false},
    {"lost-items", false, false},
    {"long-block", false, false},
}};
static_assert(kKinds.size() == static_cast<std::size_t>(Kind::LongBlock) + 1);

constexpr const KindInfo& info_of(Kind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)]; }

}  // namespace vigil::shim
