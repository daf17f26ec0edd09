#include "interpose/locks/lock_events.hpp"

#include <algorithm>

#include "interpose/finding_writer.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/json_text.hpp"
#include "interpose/locks/cycle_report.hpp"
#include "interpose/locks/lock_graph.hpp"

namespace vigil::shim::locks {
namespace {

// The graph of this process, and what its nodes are.
struct Order {
  FutexLock lock;  // guards the rest
  LockGraph graph;
  OwnMap<LockId, LockObject*> objects;  // of the locks in the graph
  CycleReport cycles;
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

LockId id_of(const LockObject& lock) noexcept { return static_cast<LockId>(lock.id); }

// Which witnesses this thread added last. The number stands for actor, locks, stacks and the actor's moment in
// the firm order: where all are the same, another witness would say nothing new.
constexpr std::size_t kRemembered = 64;
thread_local constinit std::uint64_t remembered[kRemembered] __attribute__((tls_model("initial-exec"))) = {};

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) noexcept {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ hash >> 29U;
}

std::uint64_t witness_number(Actor& actor, const HeldLock& held, const LockObject& lock, StackId wanted_at,
                             std::size_t gates) noexcept {
  const race::Epoch at = race::now(order::firm(actor.clocks));
  std::uint64_t number = mixed(static_cast<std::uint64_t>(at.slot()), at.time());
  number = mixed(number, static_cast<std::uint64_t>(held.lock));
  number = mixed(number, lock.id);
  number = mixed(number, static_cast<std::uint64_t>(held.taken_at) << 32U | static_cast<std::uint64_t>(wanted_at));
  return mixed(number, gates) | 1U;
}

OwnVector<Gate> gates_besides(std::span<const HeldLock> held, LockId from) {
  OwnVector<Gate> gates;
  for (const HeldLock& one : held) {
    if (one.lock != from) gates.push_back({.lock = one.lock, .mode = one.mode});
  }
  std::sort(gates.begin(), gates.end(), [](const Gate& a, const Gate& b) { return a.lock < b.lock; });
  return gates;
}

std::uint64_t number_of(std::span<const HeldLock> held) noexcept {
  std::uint64_t number = held.size();
  for (const HeldLock& one : held) number = mixed(number, static_cast<std::uint64_t>(one.lock));
  return number;
}

// Whoever holds more than this many locks takes no further part in the order: each wish would cost as many edges, each
// with as many gates. Nothing else changes for it. TODO: share the sets of held locks, then drop this.
constexpr std::size_t kMostHeld = 128;

// The actor wants `lock` while it holds others: each gives one edge.
void add_edges(Actor& actor, std::span<const HeldLock> held, LockObject& lock, LockMode mode,
               StackId wanted_at) noexcept {
  // Re-entered: it waits for itself, which is a deadlock and no matter of order.
  if (std::any_of(held.begin(), held.end(), [&](const HeldLock& one) { return one.lock == id_of(lock); })) return;
  order::want(order::kFirm);
  const std::uint64_t gates = number_of(held);
  const bool all_known = std::all_of(held.begin(), held.end(), [&](const HeldLock& one) {
    const std::uint64_t number = witness_number(actor, one, lock, wanted_at, gates);
    return remembered[number / 2 % kRemembered] == number;
  });
  if (all_known) return;

  race::ActorClock& firm = order::firm(actor.clocks);
  const race::Epoch at = race::now(firm);
  race::SyncClock past;
  race::release_store(firm, past);
  Order& order = the_order();
  order.lock.lock();
  for (const HeldLock& one : held) {
    if (one.object->wandered.load(std::memory_order_relaxed)) continue;
    order.objects[one.lock] = one.object;
    order.objects[id_of(lock)] = &lock;
    order.cycles.begin(order.objects);
    order.graph.add(one.lock, id_of(lock),
                    Witness{.actor = static_cast<std::uint64_t>(key_of(actor)),
                            .taken_at = one.taken_at,
                            .wanted_at = wanted_at,
                            .held_mode = one.mode,
                            .wanted_mode = mode,
                            .at = at,
                            .past = past,
                            .gates = gates_besides(held, one.lock)},
                    CycleReport::on_cycle, &order.cycles);
  }
  order.lock.unlock();
  for (const HeldLock& one : held) {
    const std::uint64_t number = witness_number(actor, one, lock, wanted_at, gates);
    remembered[number / 2 % kRemembered] = number;
  }
}

// Takes it out of the order; it may come back.
void forget_order_of(const LockObject& lock) noexcept {
  Order& order = the_order();
  order.lock.lock();
  order.graph.remove(id_of(lock));
  order.objects.erase(id_of(lock));
  order.lock.unlock();
}

void note_wish(Actor& actor, LockObject& lock, LockMode mode, StackId stack) noexcept {
  if (actor.held.empty() || lock.wandered.load(std::memory_order_relaxed)) return;
  const std::span<const HeldLock> held = actor.held.live();
  if (!held.empty() && held.size() <= kMostHeld) add_edges(actor, held, lock, mode, stack);
}

}  // namespace

void wanted(Actor& actor, LockObject& lock, LockMode mode) noexcept {
  actor.wanted = id_of(lock);
  actor.wanted_at = capture_stack();
  note_wish(actor, lock, mode, actor.wanted_at);
}

void taken(Actor& actor, LockObject& lock, LockMode mode, Attempt attempt) noexcept {
  const bool waited = actor.wanted == id_of(lock);
  const StackId stack = waited ? actor.wanted_at : capture_stack();
  actor.wanted = LockId{};
  if (!waited && attempt == Attempt::Blocking) note_wish(actor, lock, mode, stack);

  order::acquire(actor.clocks, lock.written, order::Edge::Lock);
  std::uint64_t number = 0;
  if (mode == LockMode::Exclusive) {
    lock.lock.lock();
    order::acquire(actor.clocks, lock.read, order::Edge::Lock);
    lock.lock.unlock();
    // relaxed: see LockObject::acquisition
    number = (lock.acquisition.load(std::memory_order_relaxed) | 1U) + (lock.is_held() ? 2U : 0U);
    lock.acquisition.store(number, std::memory_order_relaxed);
    lock.holder.store(key_of(actor), std::memory_order_relaxed);
  }
  actor.held.add({.object = &lock, .lock = id_of(lock), .acquisition = number, .taken_at = stack, .mode = mode});
}

void released(Actor& actor, LockObject& lock, LockMode mode) noexcept {
  if (!actor.held.remove(id_of(lock)) && !lock.wandered.exchange(true, std::memory_order_relaxed)) {
    forget_order_of(lock);
  }
  if (mode == LockMode::Shared) {
    lock.lock.lock();
    order::release_merge(actor.clocks, lock.read, order::Edge::Lock);
    lock.lock.unlock();
    return;
  }
  order::release_store(actor.clocks, lock.written, order::Edge::Lock);
  const std::uint64_t number = lock.acquisition.load(std::memory_order_relaxed);
  lock.acquisition.store(number + (number & 1U), std::memory_order_relaxed);
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
