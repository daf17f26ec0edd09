#include "interpose/race/atomics.hpp"

#include <cerrno>
#include <utility>

#include "interpose/own_memory.hpp"

namespace vigil::shim::race {

// What fences hold for the actor's relaxed operations.
struct Fences {
  order::Point released;  // at its last release fence
  order::Point loaded;    // what its relaxed loads have seen carried, for its next acquire fence
  bool has_released = false;
  bool has_loaded = false;
};

namespace {

Fences& fences_of(Actor& actor) noexcept {
  if (actor.fences == nullptr) actor.fences = own_new<Fences>();
  return *actor.fences;
}

}  // namespace

void forget_fences(Actor& actor) noexcept { own_delete(std::exchange(actor.fences, nullptr)); }

namespace atomics {

thread_local constinit bool in_operation __attribute__((tls_model("initial-exec"))) = false;

namespace {

// Set by the first release fence: until then nobody is asked. relaxed: an actor finds its own fences by program order.
constinit std::atomic<bool> any_fence{false};

}  // namespace

bool fenced() noexcept {
  if (!any_fence.load(std::memory_order_relaxed) || inside_shim) return false;
  const Actor& actor = current_actor();
  return actor.fences != nullptr && actor.fences->has_released;
}

Step::Step(const Place& place, bool make) noexcept : place_(place), saved_errno_(errno) {
  in_operation = true;
  const InsideGuard inside;  // memory of our own may be made
  home_ = atomic_points.lock(place.address, make);
}

Step::~Step() {
  if (home_ != nullptr) atomic_points.unlock(*home_);
  in_operation = false;
  errno = saved_errno_;
}

void Step::loaded(int order) noexcept {
  record([&] {
    Actor& actor = current_actor();
    home_->each_overlapping(place_.address % kHomeBytes, place_.bytes, [&](AtomicPoint& point) {
      if (acquires(order)) {
        order::acquire(actor.clocks, point.past);
      } else if (!order::knows_all(actor.clocks, point.past)) {
        Fences& fences = fences_of(actor);
        order::merge(fences.loaded, point.past);
        fences.has_loaded = true;
      }
    });
  });
}

void Step::stored(int order) noexcept {
  record([&] {
    Actor& actor = current_actor();
    const ClockSlot self = order::whole(actor.clocks).slot();
    const std::size_t offset = place_.address % kHomeBytes;
    if (releases(order)) {
      AtomicPoint& point = home_->point_of(offset, place_.bytes);
      order::release_store(actor.clocks, point.past);
      point.by = order::whole(actor.clocks).slot();
      point.taken = ClockSlot{0};
      return;
    }
    // The values of overlapping objects are gone as well, but who reads half a value is not followed that far.
    const bool carries = actor.fences != nullptr && actor.fences->has_released;
    if (!carries) {
      home_->each_overlapping(offset, place_.bytes, [&](AtomicPoint& point) {
        if (point.by == self || point.offset != offset || point.bytes != place_.bytes) return;
        point.past.whole.clear();
        point.past.firm.clear();
        point.by = self;
        point.taken = ClockSlot{0};
      });
      return;
    }
    AtomicPoint& point = home_->point_of(offset, place_.bytes);
    point.taken = ClockSlot{0};
    if (point.by == self) {
      order::merge(point.past, actor.fences->released);
    } else {
      point.past = actor.fences->released;
      point.by = self;
    }
  });
}

void Step::changed(int order, Change change) noexcept {
  record([&] {
    Actor& actor = current_actor();
    const ClockSlot self = order::whole(actor.clocks).slot();
    AtomicPoint& point = home_->point_of(place_.address % kHomeBytes, place_.bytes);
    const bool gives_back = change.may_undo && point.taken == self && point.replaced == change.left;
    if (releases(order) || gives_back) {
      order::release_merge(actor.clocks, point.past);
      point.by = order::whole(actor.clocks).slot();
    } else if (actor.fences != nullptr && actor.fences->has_released) {
      order::merge(point.past, actor.fences->released);
      point.by = self;
    }
    point.taken = acquires(order) ? order::whole(actor.clocks).slot() : ClockSlot{0};
    point.replaced = change.found;
  });
}

void Step::loaded_and_changed(int order, Change change) noexcept {
  AtomicPoint* const point = home_->only_point(place_.address % kHomeBytes, place_.bytes);
  if (point == nullptr || !acquires(order) || !releases(order)) {
    loaded(order);
    changed(order, change);
    return;
  }
  record([&] {
    Actor& actor = current_actor();
    order::acquire_and_release(actor.clocks, point->past);
    point->by = point->taken = order::whole(actor.clocks).slot();
    point->replaced = change.found;
  });
}

void released_into(std::uintptr_t address, std::size_t bytes) noexcept {
  if (!watching()) return;
  Step step({address, bytes, 0}, true);
  if (step.has_home()) step.changed(__ATOMIC_RELEASE, {});
}

void acquired_from(std::uintptr_t address, std::size_t bytes) noexcept {
  if (!watching()) return;
  Step step({address, bytes, 0}, false);
  if (step.has_home()) step.loaded(__ATOMIC_ACQUIRE);
}

void thread_fence(int order) noexcept {
  // relaxed: see any_fence. A fence before the second actor is in the past of all actors to come.
  if (!watching()) return;
  if (releases(order)) any_fence.store(true, std::memory_order_relaxed);
  record([&] {
    Actor& actor = current_actor();
    if (acquires(order) && actor.fences != nullptr && actor.fences->has_loaded) {
      order::acquire(actor.clocks, actor.fences->loaded);
      actor.fences->loaded = {};
      actor.fences->has_loaded = false;
    }
    if (releases(order)) {
      Fences& fences = fences_of(actor);
      order::release_store(actor.clocks, fences.released);
      fences.has_released = true;
    }
  });
}

}  // namespace atomics
}  // namespace vigil::shim::race
