#include "interpose/locks/find_lock.hpp"

#include <atomic>
#include <vector>

#include "interpose/locks/lock_events.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::locks {

namespace detail {
thread_local constinit std::array<LockObject*, kRemembered> remembered_locks
    __attribute__((tls_model("initial-exec"))) = {};
}  // namespace detail

namespace {

// Where the locks were created that were not used yet: by address.
struct Births {
  FutexLock lock;  // guards the rest
  OwnMap<std::uintptr_t, StackId>* stacks = nullptr;
};
constinit Births births;

StackId birth_of(std::uintptr_t address) noexcept {
  births.lock.lock();
  StackId stack = kNoStack;
  if (births.stacks != nullptr) {
    if (const auto found = births.stacks->find(address); found != births.stacks->end()) {
      stack = found->second;
      births.stacks->erase(found);
    }
  }
  births.lock.unlock();
  return stack;
}

// Which pages hold locks, by a hash of their number: most memory that is given back holds none. A page that held one
// stays marked. relaxed: a mark is set by whoever uses the lock, long before its memory may be given back.
constexpr unsigned kPageBits = 12;
constexpr std::size_t kMarks = std::size_t{1} << 16U;
constinit std::array<std::atomic<std::uint8_t>, kMarks> marks{};

std::atomic<std::uint8_t>& mark_of(std::uintptr_t page) noexcept {
  return marks[(page * 0x9e3779b97f4a7c15ULL) >> 48U];
}

// The locks known on each page.
struct Pages {
  FutexLock lock;  // guards the rest
  OwnMap<std::uintptr_t, OwnVector<std::uintptr_t>>* locks = nullptr;
};
constinit Pages pages;

constinit std::atomic<bool> frees_are_watched{false};

void note_place(std::uintptr_t address) noexcept {
  if (!frees_are_watched.load(std::memory_order_relaxed) && watch_frees != nullptr &&
      !frees_are_watched.exchange(true, std::memory_order_relaxed)) {
    watch_frees();
  }
  const std::uintptr_t page = address >> kPageBits;
  mark_of(page).store(1, std::memory_order_relaxed);
  pages.lock.lock();
  if (pages.locks == nullptr) pages.locks = own_new<OwnMap<std::uintptr_t, OwnVector<std::uintptr_t>>>();
  (*pages.locks)[page].push_back(address);
  pages.lock.unlock();
}

void forget_place(std::uintptr_t address) noexcept {
  pages.lock.lock();
  if (pages.locks != nullptr) {
    if (const auto found = pages.locks->find(address >> kPageBits); found != pages.locks->end()) {
      OwnVector<std::uintptr_t>& here = found.value();
      std::erase(here, address);
      if (here.empty()) pages.locks->erase(found);
    }
  }
  pages.lock.unlock();
}

// The locks of one page that lie in [low, high).
void collect(std::uintptr_t page, std::uintptr_t low, std::uintptr_t high, OwnVector<std::uintptr_t>& inside) noexcept {
  if (mark_of(page).load(std::memory_order_relaxed) == 0) return;
  pages.lock.lock();
  if (const auto found = pages.locks->find(page); found != pages.locks->end()) {
    for (const std::uintptr_t address : found->second) {
      if (address >= low && address < high) inside.push_back(address);
    }
  }
  pages.lock.unlock();
}

}  // namespace

LockObject& detail::find_lock_slow(LockFamily family, const void* address) noexcept {
  LockObject* known = lock_objects().find(address);
  if (known != nullptr && known->family != family) {
    gone(address);  // it ended without a word, as std::mutex does
    known = nullptr;
  }
  if (known != nullptr) return *known;
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const StackId birth = birth_of(number);
  note_place(number);
  LockObject& made = lock_objects().at(address);
  made.family = family;
  if (birth != kNoStack) made.created_at = birth;
  return made;
}

void born(const void* address) noexcept {
  gone(address);
  const StackId stack = capture_stack();
  births.lock.lock();
  if (births.stacks == nullptr) births.stacks = own_new<OwnMap<std::uintptr_t, StackId>>();
  (*births.stacks)[reinterpret_cast<std::uintptr_t>(address)] = stack;
  births.lock.unlock();
}

void gone(const void* address) noexcept {
  birth_of(reinterpret_cast<std::uintptr_t>(address));
  LockObject* const known = lock_objects().take(address);
  if (known == nullptr) return;
  forget_place(known->address);
  destroyed(known);
}

bool may_hold_locks(std::uintptr_t low, std::uintptr_t high) noexcept {
  if (low >= high) return false;
  const std::uintptr_t last = (high - 1) >> kPageBits;
  for (std::uintptr_t page = low >> kPageBits; page <= last; ++page) {
    if (mark_of(page).load(std::memory_order_relaxed) != 0) return true;
  }
  return false;
}

void memory_gone(std::uintptr_t low, std::uintptr_t high, void (*going)(const LockObject&)) noexcept {
  if (low >= high) return;
  OwnVector<std::uintptr_t> inside;
  const std::uintptr_t last = (high - 1) >> kPageBits;
  for (std::uintptr_t page = low >> kPageBits; page <= last; ++page) collect(page, low, high, inside);
  for (const std::uintptr_t address : inside) {
    const LockObject* const known = lock_objects().find(reinterpret_cast<const void*>(address));
    if (known != nullptr && going != nullptr) going(*known);
    gone(reinterpret_cast<const void*>(address));
  }
}

}  // namespace vigil::shim::locks
