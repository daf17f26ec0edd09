// A watcher in its smallest form: counts the probes that reach it and prints the counts when the program ends.
#include <atomic>
#include <cstdio>

#include "vigil/probe.h"

#define VIGIL_WATCHER __attribute__((visibility("default")))

namespace {

struct Count {
  const char* name;
  std::atomic<long> calls;
};
enum Probe {
  kAttach,
  kWorkerStart,
  kThreadStart,
  kThreadEnd,
  kThreadPark,
  kThreadWake,
  kTaskCreate,
  kTaskSwitch,
  kTaskEnd,
  kChannelMake,
  kChannelDestroy,
  kChannelSend,
  kChannelReceive,
  kChannelMeet,
  kChannelPass,
  kChannelClose,
  kChannelReceiveClosed,
  kChannelMisuse,
  kSelectDefault,
  kLockWait,
  kLockTaken,
  kLockRelease,
  kLockMisuse,
  kLockDestroy,
  kGroupAdd,
  kGroupWait,
  kGroupNegative,
  kGroupDestroy,
  kVariableMake,
  kVariableRead,
  kVariableWrite,
  kVariableDestroy,
  kDefaultTaken,
  kBlockingBegin,
  kBlockingEnd,
  kLetGo,
  kTakeApart,
  kContextAbandon,
  kProbes
};
constinit Count counts[kProbes] = {{"attach", 0},
                                   {"worker_start", 0},
                                   {"thread_start", 0},
                                   {"thread_end", 0},
                                   {"thread_park", 0},
                                   {"thread_wake", 0},
                                   {"task_create", 0},
                                   {"task_switch", 0},
                                   {"task_end", 0},
                                   {"channel_make", 0},
                                   {"channel_destroy", 0},
                                   {"channel_send", 0},
                                   {"channel_receive", 0},
                                   {"channel_meet", 0},
                                   {"channel_pass", 0},
                                   {"channel_close", 0},
                                   {"channel_receive_closed", 0},
                                   {"channel_misuse", 0},
                                   {"select_default", 0},
                                   {"lock_wait", 0},
                                   {"lock_taken", 0},
                                   {"lock_release", 0},
                                   {"lock_misuse", 0},
                                   {"lock_destroy", 0},
                                   {"wait_group_add", 0},
                                   {"wait_group_wait", 0},
                                   {"wait_group_negative", 0},
                                   {"wait_group_destroy", 0},
                                   {"variable_make", 0},
                                   {"variable_read", 0},
                                   {"variable_write", 0},
                                   {"variable_destroy", 0},
                                   {"default_taken", 0},
                                   {"blocking_begin", 0},
                                   {"blocking_end", 0},
                                   {"let_go", 0},
                                   {"take_apart", 0},
                                   {"context_abandon", 0}};

void came(Probe probe) noexcept { counts[probe].calls.fetch_add(1, std::memory_order_relaxed); }

struct AtEnd {
  ~AtEnd() {
    for (const Count& count : counts) std::printf("%s %ld\n", count.name, count.calls.load());
    std::fflush(stdout);
  }
};
const AtEnd at_end;

}  // namespace

extern "C" {
VIGIL_WATCHER void vigil_probe_attach(const vigil_probe_runtime*) noexcept { came(kAttach); }
VIGIL_WATCHER void vigil_probe_worker_start() noexcept { came(kWorkerStart); }
VIGIL_WATCHER void vigil_probe_thread_start(vigil_probe_actor*) noexcept { came(kThreadStart); }
VIGIL_WATCHER void vigil_probe_thread_end(vigil_probe_actor*) noexcept { came(kThreadEnd); }
VIGIL_WATCHER void vigil_probe_thread_park(vigil_probe_actor*) noexcept { came(kThreadPark); }
VIGIL_WATCHER void vigil_probe_thread_wake(vigil_probe_actor*) noexcept { came(kThreadWake); }
VIGIL_WATCHER void vigil_probe_task_create(vigil_probe_actor*, vigil_probe_actor*, uint32_t) noexcept {
  came(kTaskCreate);
}
VIGIL_WATCHER void vigil_probe_task_switch(vigil_probe_actor*) noexcept { came(kTaskSwitch); }
VIGIL_WATCHER void vigil_probe_task_end(vigil_probe_actor*) noexcept { came(kTaskEnd); }
VIGIL_WATCHER void vigil_probe_channel_make(const void*, size_t) noexcept { came(kChannelMake); }
VIGIL_WATCHER void vigil_probe_channel_destroy(const void*, size_t) noexcept { came(kChannelDestroy); }
VIGIL_WATCHER void vigil_probe_channel_send(vigil_probe_actor*, const void*, size_t) noexcept { came(kChannelSend); }
VIGIL_WATCHER void vigil_probe_channel_receive(vigil_probe_actor*, const void*, size_t) noexcept {
  came(kChannelReceive);
}
VIGIL_WATCHER void vigil_probe_channel_meet(vigil_probe_actor*, vigil_probe_actor*, const void*) noexcept {
  came(kChannelMeet);
}
VIGIL_WATCHER void vigil_probe_channel_pass(vigil_probe_actor*, vigil_probe_actor*, const void*, size_t) noexcept {
  came(kChannelPass);
}
VIGIL_WATCHER void vigil_probe_channel_close(vigil_probe_actor*, const void*) noexcept { came(kChannelClose); }
VIGIL_WATCHER void vigil_probe_channel_receive_closed(vigil_probe_actor*, const void*) noexcept {
  came(kChannelReceiveClosed);
}
VIGIL_WATCHER void vigil_probe_channel_misuse(vigil_probe_actor*, const void*, uint32_t) noexcept {
  came(kChannelMisuse);
}
VIGIL_WATCHER void vigil_probe_select_default(vigil_probe_actor*) noexcept { came(kSelectDefault); }
VIGIL_WATCHER void vigil_probe_lock_wait(vigil_probe_actor*, const void*, uint32_t) noexcept { came(kLockWait); }
VIGIL_WATCHER void vigil_probe_lock_taken(vigil_probe_actor*, const void*, uint32_t) noexcept { came(kLockTaken); }
VIGIL_WATCHER void vigil_probe_lock_release(vigil_probe_actor*, const void*, uint32_t) noexcept { came(kLockRelease); }
VIGIL_WATCHER void vigil_probe_lock_misuse(vigil_probe_actor*, const void*, uint32_t) noexcept { came(kLockMisuse); }
VIGIL_WATCHER void vigil_probe_lock_destroy(const void*, int) noexcept { came(kLockDestroy); }
VIGIL_WATCHER void vigil_probe_wait_group_add(vigil_probe_actor*, const void*, int64_t, int64_t) noexcept {
  came(kGroupAdd);
}
VIGIL_WATCHER void vigil_probe_wait_group_wait(vigil_probe_actor*, const void*) noexcept { came(kGroupWait); }
VIGIL_WATCHER void vigil_probe_wait_group_negative(vigil_probe_actor*, const void*, int64_t) noexcept {
  came(kGroupNegative);
}
VIGIL_WATCHER void vigil_probe_wait_group_destroy(const void*) noexcept { came(kGroupDestroy); }
VIGIL_WATCHER void vigil_probe_variable_make(const void*, size_t) noexcept { came(kVariableMake); }
VIGIL_WATCHER void vigil_probe_variable_read(const void*, size_t) noexcept { came(kVariableRead); }
VIGIL_WATCHER void vigil_probe_variable_write(const void*, size_t) noexcept { came(kVariableWrite); }
VIGIL_WATCHER void vigil_probe_variable_destroy(const void*, size_t) noexcept { came(kVariableDestroy); }
VIGIL_WATCHER void vigil_probe_default_taken(vigil_probe_actor*, const vigil_probe_case*, uint32_t) noexcept {
  came(kDefaultTaken);
}
VIGIL_WATCHER void vigil_probe_blocking_begin(vigil_probe_actor*) noexcept { came(kBlockingBegin); }
VIGIL_WATCHER void vigil_probe_blocking_end(vigil_probe_actor*) noexcept { came(kBlockingEnd); }
VIGIL_WATCHER void vigil_probe_let_go(vigil_probe_actor*, const void*) noexcept { came(kLetGo); }
VIGIL_WATCHER void vigil_probe_take_apart(vigil_probe_actor*, const void*) noexcept { came(kTakeApart); }
VIGIL_WATCHER void vigil_probe_context_abandon(const void*) noexcept { came(kContextAbandon); }
}
