#include "interpose/variables.hpp"

#include "interpose/code/reach.hpp"
#include "interpose/code/unseen_order.hpp"
#include "interpose/finding.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/race/access_check.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/stacks/modules.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::variables {
namespace {

constinit race::AccessShadow shadow;

// What the initialisers of static variables had done when they were done.
struct Initialised {
  FutexLock lock;
  race::SyncClock past;  // guarded by lock
};
Initialised& initialised() noexcept {
  static constinit std::atomic<Initialised*> made{nullptr};
  Initialised* known = made.load(std::memory_order_acquire);  // pairs with the exchange below
  if (known != nullptr) return *known;
  auto* const fresh = own_new<Initialised>();
  if (made.compare_exchange_strong(known, fresh, std::memory_order_acq_rel)) return *fresh;
  own_delete(fresh);
  return *known;
}

// Plain code tests a guard without a call: that it learns what the initialiser did is not seen, only that it may have.
// Instrumented code tests it by an atomic load, which says whom it orders after the initialiser.
bool may_be_ordered_by_initialisation(race::Epoch older) noexcept {
  if (race::engine_is_native()) return false;
  Initialised& known = initialised();
  known.lock.lock();
  const bool ordered = race::happened_before(older, known.past);
  known.lock.unlock();
  return ordered;
}

Phrase operation(const race::Access& access) noexcept {
  return Phrase() << (access.is_write ? "write of " : "read of ") << access.size
                  << (access.size == 1 ? " byte" : " bytes");
}

void tell(const race::Conflicts& found, const race::Access& older, std::uintptr_t address, Actor& actor) noexcept {
  OwnVector<ObjectInfo> objects;
  objects.push_back({.type = ObjectType::Variable,
                     .id = found.variable,
                     .capacity = found.newer.size,
                     .address = address,
                     .created_at = found.made_at});
  OwnVector<std::int32_t> held;
  for (const locks::HeldLock& lock : actor.held.live()) {
    held.push_back(static_cast<std::int32_t>(objects.size()));
    objects.push_back(info_of(*lock.object));
  }
  const ActorInfo newer_actor = info_of(actor, "running");
  const ActorInfo older_actor = info_of(static_cast<ActorKey>(older.actor), "");
  const Phrase newer_operation = operation(found.newer);
  const Phrase older_operation = operation(older);
  const Participant participants[] = {
      {.role = "newer",
       .actor = newer_actor,
       .operation = newer_operation.view(),
       .object = 0,
       .held = held,
       .stack = found.newer.stack,
       .note = found.newer.is_write ? "the later access, a write" : "the later access, a read"},
      {.role = "older",
       .actor = older_actor,
       .operation = older_operation.view(),
       .object = 0,
       .held = {},
       .stack = older.stack,
       .note = older.is_write ? "the earlier access, a write" : "the earlier access, a read"},
  };
  Line message;
  message << words_for(newer_actor).view() << (found.newer.is_write ? " wrote" : " read") << " a variable that "
          << words_for(older_actor).view() << (older.is_write ? " had written" : " had read")
          << ", and nothing orders the two: no channel, lock, wait group or start of a task lies between them";
  report({.kind = Kind::DataRace,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = objects});
}

template <class Check>
void access(std::uintptr_t address, Check&& check) noexcept {
  order::want(order::kWhole);  // a variable whose making we did not see
  Actor& actor = current_actor();
  const race::AccessBy by{.actor = static_cast<std::uint64_t>(key_of(actor)), .held = 0, .capture = capture_stack};
  const race::Conflicts found = check(order::whole(actor.clocks), by);
  for (std::uint32_t i = 0; i < found.told; ++i) {
    const race::Access& older = found.older[i];
    if (may_be_ordered_by_initialisation(older.at) || unseen_order::possible(older.stack, found.newer.stack)) continue;
    tell(found, older, address, actor);
  }
}

}  // namespace

void make(std::uintptr_t address, std::size_t size) noexcept {
  order::want(order::kWhole);
  shadow.make(address, size, capture_stack());
}

void destroy(std::uintptr_t address, std::size_t size) noexcept { shadow.destroy(address, size); }

void read(std::uintptr_t address, std::size_t size) noexcept {
  access(address, [&](race::ActorClock& clock, const race::AccessBy& by) {
    return shadow.check_read(address, size, clock, by);
  });
}

void write(std::uintptr_t address, std::size_t size) noexcept {
  access(address, [&](race::ActorClock& clock, const race::AccessBy& by) {
    return shadow.check_write(address, size, clock, by);
  });
}

void static_initialised(Actor& actor, std::uintptr_t pc) noexcept {
  if ((order::needs() & order::kWhole) == 0 || race::engine_is_native()) return;
  // The program's two sides do not meet by what a library keeps for itself.
  if (code::is_of_the_system(module_at(pc))) return;
  Initialised& known = initialised();
  known.lock.lock();
  race::release_merge(order::whole(actor.clocks), known.past);
  known.lock.unlock();
}

}  // namespace vigil::shim::variables
