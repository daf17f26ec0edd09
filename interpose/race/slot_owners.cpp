#include "interpose/race/slot_owners.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::race {
namespace {

struct Term {
  ClockTime from = 0;
  std::uint32_t round = 0;  // of the collector: when it ended, or was found to be wanted last
  ActorKey who{};
};
static_assert(sizeof(Term) == 16);

struct Slot {
  Term last;
  OwnVector<Term>* before = nullptr;  // oldest first; none: null
};

constexpr std::size_t kPageBytes = 1792;  // a size in which own_memory.hpp has blocks: a page fills one
constexpr std::size_t kSlotsOfPage = (kPageBytes - 2 * sizeof(std::uint32_t)) / sizeof(Slot);
struct Page {
  FutexLock lock;
  // Of all slots that ended. Written under the lock; relaxed elsewhere: none is none, or newer than the round.
  std::atomic<std::uint32_t> terms{0};
  std::array<Slot, kSlotsOfPage> slots{};  // guarded by lock
};
static_assert(sizeof(Page) <= kPageBytes && sizeof(Page) + sizeof(Slot) > kPageBytes);
constexpr std::size_t kPages = std::size_t{kLastSlot} / kSlotsOfPage + 1;
// 28 MiB of zero pages, of which the few are touched that slots in use lead to.
// Used through atomic_ref: clang gives up to initialise so many atomics before the program starts.
constinit std::array<Page*, kPages> pages{};
constinit std::atomic<std::size_t> pages_bound{0};  // every page made is below
// relaxed: a term that ends beside mark_owners() is of the round before or of this one. If before, whoever owned the
// slot did its last access before too, and the collector sees what is left of that (collect.cpp, 1).
constinit std::atomic<std::uint32_t> round_now{1};

Page* known_page(std::size_t number) noexcept { return std::atomic_ref(pages[number]).load(std::memory_order_acquire); }

Page& page_of(std::size_t slot) noexcept {
  const std::size_t number = slot / kSlotsOfPage;
  const std::atomic_ref place(pages[number]);
  Page* page = place.load(std::memory_order_acquire);
  if (page != nullptr) return *page;
  Page* const fresh = own_new<Page>();
  // release: the new page; acquire: another's.
  if (!place.compare_exchange_strong(page, fresh, std::memory_order_acq_rel)) {
    own_delete(fresh);
    return *page;
  }
  std::size_t bound = pages_bound.load(std::memory_order_relaxed);
  while (bound <= number && !pages_bound.compare_exchange_weak(bound, number + 1, std::memory_order_relaxed)) {
  }
  return *fresh;
}

// The term of that time among those that ended; the caller knows it to be older than the last. Null: not known.
Term* term_of(OwnVector<Term>& before, ClockTime time) noexcept {
  const auto after = std::upper_bound(before.begin(), before.end(), time,
                                      [](ClockTime at, const Term& term) { return at < term.from; });
  return after == before.begin() ? nullptr : &*(after - 1);
}

// Forgets the terms of one slot that ended before that round and were not wanted in it. Returns how many.
std::uint32_t forget_terms(Slot& slot, std::uint32_t round) noexcept {
  OwnVector<Term>& before = *slot.before;
  const std::size_t gone = std::erase_if(before, [round](const Term& term) { return term.round < round; });
  if (before.empty()) {
    own_delete(std::exchange(slot.before, nullptr));
  } else if (before.size() < before.capacity() / 4) {
    before = OwnVector<Term>(before.begin(), before.end());
  }
  return static_cast<std::uint32_t>(gone);
}

}  // namespace

void own_slot(Epoch from, ActorKey who) noexcept {
  const auto number = static_cast<std::size_t>(from.slot());
  Page& page = page_of(number);
  Slot& slot = page.slots[number % kSlotsOfPage];
  page.lock.lock();
  if (slot.last.from != 0) {
    if (slot.before == nullptr) slot.before = own_new<OwnVector<Term>>();
    slot.last.round = round_now.load(std::memory_order_relaxed);
    slot.before->push_back(slot.last);
    page.terms.store(page.terms.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  slot.last = {from.time(), 0, who};
  page.lock.unlock();
}

SlotOwner owner_of(Epoch at) noexcept {
  const auto number = static_cast<std::size_t>(at.slot());
  Page& page = page_of(number);
  const Slot& slot = page.slots[number % kSlotsOfPage];
  SlotOwner owner;
  page.lock.lock();
  if (slot.last.from != 0 && slot.last.from <= at.time()) {
    owner = {true, slot.last.who};
  } else if (slot.before != nullptr) {
    if (const Term* const term = term_of(*slot.before, at.time())) owner = {true, term->who};
  }
  page.lock.unlock();
  return owner;
}

void mark_owners() noexcept { round_now.fetch_add(1, std::memory_order_relaxed); }

void keep_owner(Epoch at) noexcept {
  const auto number = static_cast<std::size_t>(at.slot());
  Page* const page = known_page(number / kSlotsOfPage);
  if (page == nullptr || page->terms.load(std::memory_order_relaxed) == 0) return;
  const Slot& slot = page->slots[number % kSlotsOfPage];
  page->lock.lock();
  if (slot.before != nullptr && slot.last.from > at.time()) {
    if (Term* const term = term_of(*slot.before, at.time())) term->round = round_now.load(std::memory_order_relaxed);
  }
  page->lock.unlock();
}

void settle_owners() noexcept {
  const std::uint32_t round = round_now.load(std::memory_order_relaxed);
  const std::size_t bound = pages_bound.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < bound; ++i) {
    Page* const page = known_page(i);
    if (page == nullptr || page->terms.load(std::memory_order_relaxed) == 0) continue;
    page->lock.lock();
    std::uint32_t gone = 0;
    for (Slot& slot : page->slots) {
      if (slot.before != nullptr) gone += forget_terms(slot, round);
    }
    page->terms.store(page->terms.load(std::memory_order_relaxed) - gone, std::memory_order_relaxed);
    page->lock.unlock();
  }
}

std::size_t former_owners() noexcept {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < pages_bound.load(std::memory_order_relaxed); ++i) {
    if (const Page* const page = known_page(i)) sum += page->terms.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace vigil::shim::race
