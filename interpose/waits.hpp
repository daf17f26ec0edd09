// Waits: who is blocked, on what, since when; equal ones as one group with a count.
//
// Equal means: the same stack, the same creation, the same sort of wait, on objects created at the same place. A
// million tasks that hang at one place make one group, and only its first member is described.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <span>

#include "interpose/finding.hpp"
#include "interpose/object_list.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/threads.hpp"
#include "interpose/words.hpp"
#include "vigil/probe.h"

namespace vigil::shim {

// What was done with a channel that somebody waits on.
struct ChannelHistory {
  ObjectInfo channel;
  ActorKey sender{};
  StackId sent_at = kNoStack;  // kNoStack: nobody sent, as far as is known
  ActorKey receiver{};
  StackId received_at = kNoStack;
  ActorKey closer{};
  StackId closed_at = kNoStack;
};

// Of VIGIL_WAIT_*: a wait that who has the channels can end.
constexpr bool waits_on_channels(std::uint32_t kind) noexcept {
  return kind == VIGIL_WAIT_SEND || kind == VIGIL_WAIT_RECEIVE || kind == VIGIL_WAIT_SELECT;
}

// What a wait waits for.
struct WaitTarget {
  std::string_view operation;           // "receive", "send", "select", "lock", "wait" ...
  std::string_view edge;                // of the wait-for picture: "receives from", "sends to", "waits for"
  Phrase words;                         // "to receive from channel c3 (unbuffered)"
  OwnVector<ObjectInfo> objects;        // the channels of a select, or one object, or none
  OwnVector<ChannelHistory> history{};  // of its first channels
  std::string_view go_state{};          // what Go calls such a wait: "chan receive"
};

// Since when it waits, in coarse_ms(): a parked task, or a thread in a blocked call.
std::uint32_t waits_since_ms(const Actor& actor) noexcept;
// Whether nobody but another actor can end that wait.
bool needs_others(const vigil_probe_wait& wait) noexcept;
// Without any channel or object: nobody ends it.
bool needs_nobody(std::uint32_t kind) noexcept;
bool waits_for_lock(std::uint32_t kind) noexcept;
// Demands that the wait record holds still.
WaitTarget target_of(const vigil_probe_wait& wait) noexcept;
WaitTarget target_of(CallKind kind, std::uintptr_t object) noexcept;

struct BlockedGroup {
  ActorInfo actor;                         // the one with the lowest number
  const locks::HeldLocks* held = nullptr;  // what that one holds; to be read while it stands still
  FixedText<16> name;                      // a thread's
  bool is_daemon = false;
  bool is_pthread = false;  // in a pthread call, not in a primitive of the runtime
  WaitTarget target;
  StackId stack = kNoStack;
  std::int64_t waited_ms = 0;  // the longest
  std::uint64_t count = 1;
  std::uint64_t proved = 0;  // of those: nobody can ever wake them (leaks/proof.hpp)
  std::uintptr_t stack_low =
      0;  // of that one's stack in use, when it is a parked task; to be read while it stands still
  std::uintptr_t stack_high = 0;
};

// Adds who touched the channel last, one participant each. Their texts live in notes.
void add_history(const BlockedGroup& group, ObjectList& objects, OwnVector<Participant>& participants,
                 OwnDeque<Phrase>& notes) noexcept;
class BlockedActors {
 public:
  // A task that is parked; between pause() and resume().
  void add_task(const vigil_probe_actor_view& view, bool proved = false) noexcept;
  // A task that runs or is ready to. A running one may end meanwhile, so only its number is read.
  void add_moving(const vigil_probe_actor_view& view) noexcept;
  // A thread that waits for nobody.
  void add_moving(const Actor& thread) noexcept;
  // A thread in a blocked call. view: the runtime's when it is parked in a primitive, else null.
  void add_thread(const Actor& thread, const vigil_probe_actor_view* view, bool proved = false) noexcept;
  // Says of those that join a thread which it is. Not while threads are gone through: it asks in the same list.
  void name_joined() noexcept;
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  // Threads first, each sort in the order of its numbers.
  [[nodiscard]] OwnVector<const BlockedGroup*> groups() const noexcept;

 private:
  struct Joining {
    std::uint64_t group;  // its key
    pthread_t joined;
  };
  OwnMap<std::uint64_t, BlockedGroup> groups_;
  OwnVector<Joining> joining_;
  std::uint64_t total_ = 0;
};

}  // namespace vigil::shim
