#include "interpose/race/slot_owners.hpp"

#include <array>
#include <atomic>

#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::race {
namespace {

struct Term {
  ClockTime from = 0;
  ActorKey who{};
};

struct Slot {
  Term last;
  OwnVector<Term>* before = nullptr;  // oldest first
};

constexpr std::size_t kSlotsOfPage = 64;
struct Page {
  FutexLock lock;
  std::array<Slot, kSlotsOfPage> slots{};  // guarded by lock
};
constexpr std::size_t kPages = (std::size_t{kLastSlot} + 1) / kSlotsOfPage;
// 32 MiB of zero pages, of which the few are touched that slots in use lead to.
// Used through atomic_ref: clang gives up to initialise so many atomics before the program starts.
constinit std::array<Page*, kPages> pages{};

Page& page_of(std::size_t slot) noexcept {
  const std::atomic_ref place(pages[slot / kSlotsOfPage]);
  Page* page = place.load(std::memory_order_acquire);
  if (page != nullptr) return *page;
  Page* const fresh = own_new<Page>();
  // release: the new page; acquire: another's.
  if (place.compare_exchange_strong(page, fresh, std::memory_order_acq_rel)) return *fresh;
  own_delete(fresh);
  return *page;
}

}  // namespace

void own_slot(Epoch from, ActorKey who) noexcept {
  const auto number = static_cast<std::size_t>(from.slot());
  Page& page = page_of(number);
  Slot& slot = page.slots[number % kSlotsOfPage];
  page.lock.lock();
  if (slot.last.from != 0) {
    if (slot.before == nullptr) slot.before = own_new<OwnVector<Term>>();
    if (slot.before->size() == kMostOwners) {
      slot.before->erase(slot.before->begin(), slot.before->begin() + static_cast<std::ptrdiff_t>(kMostOwners / 2));
    }
    slot.before->push_back(slot.last);
  }
  slot.last = {from.time(), who};
  page.lock.unlock();
}

Owner owner_of(Epoch at) noexcept {
  const auto number = static_cast<std::size_t>(at.slot());
  Page& page = page_of(number);
  const Slot& slot = page.slots[number % kSlotsOfPage];
  Owner owner;
  page.lock.lock();
  if (slot.last.from != 0 && slot.last.from <= at.time()) {
    owner = {true, slot.last.who};
  } else if (slot.before != nullptr) {
    for (std::size_t i = slot.before->size(); i-- > 0 && !owner.known;) {
      if ((*slot.before)[i].from <= at.time()) owner = {true, (*slot.before)[i].who};
    }
  }
  page.lock.unlock();
  return owner;
}

}  // namespace vigil::shim::race
