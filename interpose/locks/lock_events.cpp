#include "interpose/locks/lock_events.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "interpose/finding_writer.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/json_text.hpp"
#include "interpose/locks/cycle_report.hpp"
#include "interpose/locks/glibc_locks.hpp"
#include "interpose/locks/lock_graph.hpp"
#include "interpose/locks/lock_misuse.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/locks/long_blocks.hpp"
#include "interpose/locks/read_twice.hpp"
#include "interpose/stacks/safe_read.hpp"

namespace vigil::shim::locks {
namespace {

// The graph of this process, and what its nodes are.
struct Order {
  FutexLock lock;  // guards the rest
  LockGraph graph;
  OwnMap<LockId, LockObject*> objects;  // of the locks in the graph
  CycleReport cycles;
  ReadTwice read_twice;
};

Order& the_order() noexcept {
  static constinit FutexLock making;
  static constinit std::atomic<Order*> made{nullptr};
  // acquire: pairs with the release below.
  Order* order = made.load(std::memory_order_acquire);
  if (order != nullptr) return *order;
  making.lock();
  order = made.load(std::memory_order_relaxed);
  if (order == nullptr) {
    order = own_new<Order>();
    made.store(order, std::memory_order_release);
  }
  making.unlock();
  return *order;
}

// Which wishes this thread added last. The number stands for actor, locks, stacks and the actor's moment in the firm
// order: where all are the same, another witness would say nothing new.
constexpr std::size_t kRemembered = 64;
thread_local constinit std::uint64_t remembered[kRemembered] __attribute__((tls_model("initial-exec"))) = {};

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) noexcept {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ hash >> 29U;
}

// The number of a wish: of what is held and where it was taken, of the lock and where it is wanted.
std::uint64_t wish_number(Actor& actor, std::span<const HeldLock> held, const LockObject& lock, LockMode mode,
                          StackId wanted_at) noexcept {
  const race::Epoch at = race::now(order::firm(actor.clocks));
  // Adding a wish moves the actor's clock, and nothing else.
  const std::uint64_t moment = static_cast<std::uint64_t>(at.slot()) << 32U | (at.time() - actor.wishes_added);
  std::uint64_t number = mixed(moment, lock.id);
  number = mixed(number, static_cast<std::uint64_t>(wanted_at) << 1U | static_cast<std::uint64_t>(mode));
  for (const HeldLock& one : held) {
    number = mixed(number, static_cast<std::uint64_t>(one.lock));
    number = mixed(number, static_cast<std::uint64_t>(one.taken_at) << 1U | static_cast<std::uint64_t>(one.mode));
  }
  return number | 1U;
}

// Up to so many locks held, each is told to the graph by an edge of its own; of more, all as one long wish.
constexpr std::size_t kMostEdgesOfAWish = 32;

// A lock may have been given back by a way that has no wrapper: what is held of pthread's is asked of the lock itself.
// Many locks lie on few pages, and each page is asked for once.
class GivenBackUnseen {
 public:
  bool operator()(const HeldLock& held) noexcept {
    const LockObject& lock = *held.object;
    if (lock.family == LockFamily::Vigil || lock.is_spin) return false;
    const std::uintptr_t address = __atomic_load_n(&lock.address, __ATOMIC_RELAXED);
    if (address == 0 || !is_readable(address)) return true;
    if (lock.type == ObjectType::Mutex) return !glibc::is_locked(reinterpret_cast<const pthread_mutex_t*>(address));
    const auto* const rwlock = reinterpret_cast<const pthread_rwlock_t*>(address);
    return held.mode == LockMode::Exclusive ? glibc::writer_of(rwlock) == 0 : !glibc::has_readers(rwlock);
  }

 private:
  bool is_readable(std::uintptr_t address) noexcept {
    constexpr std::uintptr_t kPage = 4096;
    if (address / kPage == page_) return true;
    if (!unwind::is_readable(address & ~std::uintptr_t{7})) return false;
    page_ = address / kPage;
    return true;
  }
  std::uintptr_t page_ = 0;  // the last that was readable
};

// A wish that is to be entered into the order: what its actor held when it wanted that lock.
struct Wish {
  Actor* actor;
  LockObject* lock;
  std::span<const HeldLock> held;  // the actor's own list, which must not change before the wish is entered
  Witness witness;
  CycleReport* report = nullptr;  // once it is entered
};

// A cycle that the wish completes. When its actor waits and all others of the cycle do, too, that is the deadlock
// itself, which is told as such: each of them is entered as waiting before its wish, so whoever comes last sees all
// others wait.
bool tell_if_ahead(std::span<const CycleEdge> cycle, void* completed_by) noexcept {
  const Wish& wish = *static_cast<const Wish*>(completed_by);
  const bool waits = wish.actor->wanted == id_of(*wish.lock);
  if (waits && closes_ring(*wish.actor, *wish.lock, wish.witness.wanted_mode)) return false;
  return CycleReport::on_cycle(cycle, wish.report);
}

// What the actor's wanting `lock` says about the order; nothing when it holds no other, or said so before.
std::optional<Wish> make_wish(Actor& actor, LockObject& lock, LockMode mode, StackId wanted_at) noexcept {
  if (actor.held.empty() || lock.wandered.load(std::memory_order_relaxed)) return std::nullopt;
  std::span<const HeldLock> held = actor.held.live();
  // Re-entered: it waits for itself, which is a deadlock and no matter of order.
  const auto is_it = [&](const HeldLock& one) { return one.lock == id_of(lock); };
  if (held.empty() || std::any_of(held.begin(), held.end(), is_it)) return std::nullopt;
  order::want(order::kFirm);
  const std::uint64_t number = wish_number(actor, held, lock, mode, wanted_at);
  std::uint64_t& place = remembered[number / 2 % kRemembered];
  if (place == number) return std::nullopt;
  place = number;
  ++actor.wishes_added;
  actor.held.drop_if(GivenBackUnseen());
  held = actor.held.live();
  if (held.empty()) return std::nullopt;

  race::ActorClock& firm = order::firm(actor.clocks);
  Wish wish{.actor = &actor,
            .lock = &lock,
            .held = {},
            .witness = {.actor = static_cast<std::uint64_t>(key_of(actor)),
                        .taken_at = kNoStack,
                        .wanted_at = wanted_at,
                        .held_mode = LockMode::Exclusive,
                        .wanted_mode = mode,
                        .at = race::now(firm),
                        .past = {},
                        .held = actor.held.as_set()}};
  race::release_store(firm, wish.witness.past);
  wish.held = actor.held.live();  // last: as_set() drops what another has given back meanwhile
  return wish;
}

// Each lock held gives one edge.
void enter(Wish& wish) noexcept {
  const LockId to = id_of(*wish.lock);
  Order& order = the_order();
  order.lock.lock();
  order.objects[to] = wish.lock;
  order.cycles.begin(order.objects);
  wish.report = &order.cycles;
  if (wish.held.size() > kMostEdgesOfAWish) {
    for (const HeldLock& one : wish.held) order.objects[one.lock] = one.object;
    order.graph.add_long(to, wish.witness, tell_if_ahead, &wish);
  } else {
    for (const HeldLock& one : wish.held) {
      if (one.object->wandered.load(std::memory_order_relaxed)) continue;
      order.objects[one.lock] = one.object;
      wish.witness.taken_at = one.taken_at;
      wish.witness.held_mode = one.mode;
      order.graph.add(one.lock, to, wish.witness, tell_if_ahead, &wish);
    }
  }
  order.lock.unlock();
}

// Takes it out of the order; it may come back.
void forget_order_of(const LockObject& lock) noexcept {
  Order& order = the_order();
  order.lock.lock();
  order.graph.remove(id_of(lock));
  order.read_twice.remove(id_of(lock));
  order.objects.erase(id_of(lock));
  order.lock.unlock();
}

// A read lock on top of another of the same lock, or a write lock that may come between two such.
void note_one_lock(Actor& actor, const LockObject& lock, LockMode mode, StackId stack) noexcept {
  const HeldLock* const first = actor.held.find([&](const HeldLock& held) { return held.lock == id_of(lock); });
  if ((mode == LockMode::Shared) != (first != nullptr) || (first != nullptr && first->mode != mode)) return;
  order::want(order::kFirm);
  const std::span<const HeldLock> held = actor.held.live();
  const std::uint64_t number = wish_number(actor, held, lock, mode, stack) ^ 2U;
  std::uint64_t& place = remembered[number / 2 % kRemembered];
  if (place == number) return;
  place = number;
  ++actor.wishes_added;
  race::ActorClock& firm = order::firm(actor.clocks);
  Witness witness{.actor = static_cast<std::uint64_t>(key_of(actor)),
                  .taken_at = first == nullptr ? kNoStack : first->taken_at,
                  .wanted_at = stack,
                  .held_mode = LockMode::Shared,
                  .wanted_mode = mode,
                  .at = race::now(firm),
                  .past = {},
                  .held = actor.held.as_set()};
  race::release_store(firm, witness.past);
  Order& order = the_order();
  order.lock.lock();
  if (mode == LockMode::Shared) {
    order.read_twice.add_reader(lock, std::move(witness));
  } else {
    order.read_twice.add_writer(lock, std::move(witness));
  }
  order.lock.unlock();
}

// For HeldLock::told_at, after the wish was made.
std::uint64_t firm_moment(Actor& actor) noexcept {
  const race::ActorClock* const firm = actor.clocks.firm.known();
  return firm == nullptr ? HeldLock::kNeverTold : *firm->epoch_word();
}

// The actor holds it exclusively from now on. The number of this acquisition.
std::uint64_t next_holder(const Actor& actor, LockObject& lock, StackId stack) noexcept {
  // relaxed: see LockObject::acquisition
  const std::uint64_t before = lock.acquisition.load(std::memory_order_relaxed);
  const std::uint64_t number = (before | 1U) + (before & 1U) * 2;
  lock.acquisition.store(number, std::memory_order_relaxed);
  lock.holder.store(key_of(actor), std::memory_order_relaxed);
  lock.taken_at.store(stack, std::memory_order_relaxed);
  lock.taken_when = race::Epoch();
  lock.taken_moment = {};
  return number;
}

// For HeldLock::again.
std::uintptr_t again_as(const LockObject& lock, LockMode mode) noexcept {
  const auto* const address = reinterpret_cast<const void*>(lock.address);
  if (mode == LockMode::Exclusive && lock.type == ObjectType::Mutex && !lock.is_spin) {
    return HeldLock::again_as(lock.family == LockFamily::Pthread ? HeldLock::Way::Mutex : HeldLock::Way::VigilMutex,
                              address);
  }
  if (mode == LockMode::Shared && lock.family == LockFamily::Pthread && !lock.prefers_writers) {
    return HeldLock::again_as(HeldLock::Way::Read, address);
  }
  return 0;
}

}  // namespace

void wanted(Actor& actor, LockObject& lock, LockMode mode) noexcept {
  const bool again = actor.wanted == id_of(lock);  // woken, but another was faster
  actor.wanted = id_of(lock);
  if (!again) {
    actor.wanted_at = capture_stack();
    actor.wanted_since_ms = coarse_ms();
  }
  if (!again && lock.type == ObjectType::RwMutex && lock.prefers_writers) {
    note_one_lock(actor, lock, mode, actor.wanted_at);
  }
  // Once it is entered as waiting, what the actor holds is not changed: so the wish is made before, and entered after.
  std::optional<Wish> wish;
  if (!again) wish = make_wish(actor, lock, mode, actor.wanted_at);
  begin_wait(actor, lock, mode, actor.wanted_at);
  if (wish) enter(*wish);
}

void gave_up(Actor& actor) noexcept {
  if (actor.wanted == LockId{}) return;
  actor.wanted = LockId{};
  end_wait(actor);
}

void taken(Actor& actor, LockObject& lock, LockMode mode, Attempt attempt) noexcept {
  StackId stack = kNoStack;
  std::uint64_t told_at = HeldLock::kNeverTold;
  if (actor.wanted != LockId{} && actor.wanted == id_of(lock)) {
    stack = actor.wanted_at;
    note_wait({.waiter = key_of(actor), .stack = stack, .operation = "lock", .since_ms = actor.wanted_since_ms}, lock);
    gave_up(actor);
  } else {
    stack = capture_stack();
    if (attempt == Attempt::Blocking && lock.type == ObjectType::RwMutex && lock.prefers_writers) {
      note_one_lock(actor, lock, mode, stack);
    }
    if (attempt == Attempt::Blocking) told_at = taken_inside(actor, lock, mode, stack);
  }

  const bool ordered = order::needs(order::Edge::Lock) != 0;
  if (ordered) order::acquire(actor.clocks, lock.written, order::Edge::Lock);
  std::uint64_t number = 0;
  if (mode == LockMode::Exclusive) {
    if (ordered) {
      lock.lock.lock();
      order::acquire(actor.clocks, lock.read, order::Edge::Lock);
      lock.lock.unlock();
    }
    number = next_holder(actor, lock, stack);
    if (lock.family == LockFamily::Vigil) {
      lock.taken_when = (order::needs() & order::kWhole) != 0 ? race::now(order::whole(actor.clocks)) : race::Epoch();
      lock.taken_moment = order::moment();
    }
  } else {
    lock.type = ObjectType::RwMutex;
  }
  actor.held.add({.object = &lock,
                  .lock = id_of(lock),
                  .acquisition = number,
                  .taken_at = stack,
                  .mode = mode,
                  .again = again_as(lock, mode),
                  .told_at = told_at});
}

void taken_before(Actor& actor, LockObject& lock, StackId stack) noexcept {
  const std::uint64_t number = next_holder(actor, lock, stack);
  actor.held.add({.object = &lock,
                  .lock = id_of(lock),
                  .acquisition = number,
                  .taken_at = stack,
                  .mode = LockMode::Exclusive,
                  .again = again_as(lock, LockMode::Exclusive)});
}

std::uint64_t taken_inside(Actor& actor, LockObject& lock, LockMode mode, StackId stack) noexcept {
  if (actor.held.empty()) return HeldLock::kNeverTold;
  const int saved_errno = errno;
  if (std::optional<Wish> wish = make_wish(actor, lock, mode, stack)) enter(*wish);
  errno = saved_errno;
  return firm_moment(actor);
}

void holds_anew(Actor& actor, LockObject& lock, TakenAt place) noexcept {
  const std::uint64_t told_at = taken_inside(actor, lock, LockMode::Exclusive, place.stack);
  const std::uint64_t number = next_holder(actor, lock, place.stack);
  actor.held.add({.object = &lock,
                  .lock = id_of(lock),
                  .acquisition = number,
                  .taken_at = place.stack,
                  .mode = LockMode::Exclusive,
                  .recent = place.recent,
                  .again = again_as(lock, LockMode::Exclusive),
                  .told_at = told_at});
}

void reads_anew(Actor& actor, LockObject& lock, TakenAt place) noexcept {
  const std::uint64_t told_at = taken_inside(actor, lock, LockMode::Shared, place.stack);
  actor.held.add({.object = &lock,
                  .lock = id_of(lock),
                  .acquisition = 0,
                  .taken_at = place.stack,
                  .mode = LockMode::Shared,
                  .recent = place.recent,
                  .again = again_as(lock, LockMode::Shared),
                  .told_at = told_at});
}

void released(Actor& actor, LockObject& lock, LockMode mode) noexcept {
  // Of pthread's locks the wrapper asks the lock itself: one may have been taken before the shim looked.
  if (!actor.held.remove(id_of(lock)) && lock.family == LockFamily::Vigil) {
    if (mode == LockMode::Exclusive) note_unlock_by_other(actor, lock);
    if (!lock.wandered.exchange(true, std::memory_order_relaxed)) forget_order_of(lock);
  }
  const bool ordered = order::needs(order::Edge::Lock) != 0;
  if (mode == LockMode::Shared) {
    if (!ordered) return;
    lock.lock.lock();
    order::release_merge(actor.clocks, lock.read, order::Edge::Lock);
    lock.lock.unlock();
    return;
  }
  if (ordered) order::release_store(actor.clocks, lock.written, order::Edge::Lock);
  const std::uint64_t number = lock.acquisition.load(std::memory_order_relaxed);
  lock.acquisition.store(number + (number & 1U), std::memory_order_relaxed);
}

void hand_over(Actor& actor) noexcept {
  for (const HeldLock& held : actor.held.live()) {
    if (held.object->family != LockFamily::Pthread || held.mode != LockMode::Exclusive || GivenBackUnseen()(held))
      continue;
    order::release_merge(actor.clocks, held.object->written, order::Edge::Lock);
  }
}

void leaves_locked(Actor& actor) noexcept {
  if (actor.held.empty()) return;
  const order::Moment now = order::moment();  // before anything is asked
  for (const HeldLock& held : actor.held.live()) {
    LockObject& lock = *held.object;
    if (lock.family != LockFamily::Vigil || held.mode != LockMode::Exclusive || lock.taken_moment != now) continue;
    order::want(order::kWhole);
    if (lock.taken_when.time() == 0) lock.taken_when = race::now(order::whole(actor.clocks));
  }
}

void actor_ends(Actor& actor) noexcept {
  actor.wanted = LockId{};
  end_wait(actor);  // a join that was cancelled never said that it was over
  for (const HeldLock& held : actor.held.live()) {
    // Nobody else may give back pthread's; vigil's may well be given back by another task.
    if (held.object->family != LockFamily::Pthread || GivenBackUnseen()(held)) continue;
    held.object->abandoned.store(true, std::memory_order_relaxed);
    look_at_waiters_of(*held.object);
  }
}

void destroyed(LockObject* lock) noexcept {
  if ((order::needs() & order::kFirm) != 0) forget_order_of(*lock);
  free_object(lock);
}

void write_lock_order() noexcept {
  if ((order::needs() & order::kFirm) == 0) return;
  Order& order = the_order();
  if (!lock_within(order.lock)) return;
  constexpr std::size_t kMostEdges = 1000;  // a picture of more says nothing
  JsonText json;
  json.object().key("type").text("lock_order").key("nodes").array();
  const auto name = [](LockId id) { return FixedText<32>() << "m" << static_cast<std::uint64_t>(id); };
  for (const auto& [id, object] : order.objects) {
    json.object().key("id").text(name(id).view()).key("label").text(name(id).view()).end_object();
  }
  json.end_array().key("edges").array();
  std::size_t edges = 0;
  order.graph.for_each_edge([&](LockId from, LockId to) {
    if (++edges > kMostEdges) return;
    json.object()
        .key("from")
        .text(name(from).view())
        .key("to")
        .text(name(to).view())
        .key("label")
        .text("then")
        .end_object();
  });
  json.end_array().end_object();
  order.lock.unlock();
  write_record(json.view());
}

}  // namespace vigil::shim::locks
