#include "interpose/life/growth.hpp"

#include <algorithm>

#include "interpose/finding_writer.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/objects.hpp"
#include "interpose/options.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::growth {
namespace {

constexpr std::uint64_t kWindows = 4;

struct Place {
  std::uint64_t live = 0;
  std::uint64_t started = 0;
  std::uint64_t live_before = 0;  // at the end of the last window
  std::uint64_t grown = 0;        // windows in a row
  bool told = false;
};

constinit FutexLock lock;
constinit OwnMap<StackId, Place>* places = nullptr;  // by creation stack; guarded by lock

void tell(const Actor& creator, const Place& place) noexcept {
  const ActorInfo who = info_of(creator, "running");
  Line message;
  message << words_for(who).view() << " starts tasks here faster than they end: of " << place.started << " started "
          << place.live << " are alive, and their number has only grown";
  const Participant starter{.role = "starter",
                            .actor = who,
                            .operation = "go",
                            .held = {},
                            .stack = capture_stack(),
                            .note = "the tasks are started here"};
  report({.kind = Kind::TaskGrowth,
          .message = message.view(),
          .hint = {},
          .participants = {&starter, 1},
          .objects = {},
          .count = 1});
}

}  // namespace

void started(const Actor& creator, const Actor& task) noexcept {
  const std::uint64_t most = options().task_growth;
  if (most == 0 || task.is_daemon) return;
  Place full;
  {
    if (!lock_within(lock)) return;
    if (places == nullptr) places = own_new<OwnMap<StackId, Place>>();
    Place& place = (*places)[task.created_at];
    ++place.live;
    ++place.started;
    if (place.started % std::max<std::uint64_t>(most / kWindows, 1) == 0) {
      place.grown = place.live > place.live_before ? place.grown + 1 : 0;
      place.live_before = place.live;
      if (place.grown >= kWindows && place.live >= most && !place.told) {
        place.told = true;
        full = place;
      }
    }
    lock.unlock();
  }
  if (full.told) tell(creator, full);
}

void ended(const Actor& task) noexcept {
  if (!lock_within(lock)) return;
  if (places != nullptr) {
    const auto place = places->find(task.created_at);
    if (place != places->end() && place->second.live > 0) --place.value().live;
  }
  lock.unlock();
}

}  // namespace vigil::shim::growth
