#include "interpose/race/access_states.hpp"

#include <bit>

#include "interpose/futex_lock.hpp"
#include "interpose/race/reserve.hpp"

namespace vigil::shim::race {

namespace detail {
constinit std::atomic<AccessNode*> state_nodes{nullptr};
}

namespace {

constexpr std::uint32_t kBatch = 64;

constinit FutexLock pool_lock;
// A batch of free numbers is linked by `older`; batches by `last_write` of their first.
constinit StateId free_batches = kUntouched;    // guarded by pool_lock
constinit std::atomic<std::uint32_t> bound{1};  // written under pool_lock
constinit std::atomic<std::uint64_t> made{0};
constinit std::atomic<bool> marking{false};
// Bits, one per state. Two kinds, since the collector goes no further where it has been: what is below a state just
// made, it must still go to.
constinit std::atomic<std::uint64_t>* reached = nullptr;  // the collector was there; written by it alone
constinit std::atomic<std::uint64_t>* born = nullptr;     // made since marking began

std::uint32_t number(StateId id) noexcept { return static_cast<std::uint32_t>(id); }

bool has_bit(const std::atomic<std::uint64_t>* bits, StateId id) noexcept {
  return (bits[number(id) / 64].load(std::memory_order_relaxed) >> number(id) % 64 & 1U) != 0;
}
void set_bit(std::atomic<std::uint64_t>* bits, StateId id) noexcept {
  bits[number(id) / 64].fetch_or(std::uint64_t{1} << number(id) % 64, std::memory_order_relaxed);
}

// A linked batch; kUntouched: no more.
StateId take_batch(std::uint32_t& count) noexcept {
  pool_lock.lock();
  StateId first = free_batches;
  count = kBatch;
  if (first != kUntouched) {
    free_batches = node_of(first).last_write;
    count = node_of(first).depth;
  } else {
    const std::uint32_t from = bound.load(std::memory_order_relaxed);
    if (from + kBatch <= kMostStates) {
      first = StateId{from};
      for (std::uint32_t i = 0; i + 1 < kBatch; ++i) node_of(StateId{from + i}).older = StateId{from + i + 1};
      bound.store(from + kBatch, std::memory_order_release);
    }
  }
  pool_lock.unlock();
  made.fetch_add(count, std::memory_order_relaxed);
  return first;
}

}  // namespace

bool prepare_states() noexcept {
  auto* const nodes = static_cast<AccessNode*>(reserve_zeroed(std::size_t{kMostStates} * sizeof(AccessNode)));
  reached = static_cast<std::atomic<std::uint64_t>*>(reserve_zeroed(std::size_t{kMostStates} / 8));
  born = static_cast<std::atomic<std::uint64_t>*>(reserve_zeroed(std::size_t{kMostStates} / 8));
  if (nodes == nullptr || reached == nullptr || born == nullptr) return false;
  detail::state_nodes.store(nodes, std::memory_order_release);
  return true;
}

StateId StateCache::take() noexcept {
  if (count_ == 0) {
    first_ = take_batch(count_);
    if (first_ == kUntouched) {
      count_ = 0;
      return kUntouched;
    }
  }
  const StateId id = first_;
  first_ = node_of(id).older;
  --count_;
  return id;
}

void StateCache::give(StateId id) noexcept {
  AccessNode& node = node_of(id);
  node.word.store(0, std::memory_order_relaxed);
  node.older = first_;
  first_ = id;
  ++count_;
}

void StateCache::empty() noexcept {
  if (count_ == 0) return;
  pool_lock.lock();
  node_of(first_).depth = count_;
  node_of(first_).last_write = free_batches;
  free_batches = first_;
  pool_lock.unlock();
  first_ = kUntouched;
  count_ = 0;
}

StateId push_record(StateCache& cache, const AccessRecord& record, StateId older) noexcept {
  const StateId id = cache.take();
  if (id == kUntouched) return id;
  AccessNode& node = node_of(id);
  node.place = record.place;
  node.older = older;
  node.raced = record.raced ? 1 : 0;
  const bool has_older = older != kUntouched;
  node.depth = has_older ? node_of(older).depth + 1 : 1;
  node.prune_at = has_older ? node_of(older).prune_at : 16;
  node.last_write = record.word.is_write() ? id : has_older ? node_of(older).last_write : kUntouched;
  if (marking.load(std::memory_order_relaxed)) set_bit(born, id);
  node.word.store(record.word.bits(), std::memory_order_relaxed);
  return id;
}

std::uint32_t states_bound() noexcept { return bound.load(std::memory_order_acquire); }
std::uint64_t states_made() noexcept { return made.load(std::memory_order_relaxed); }

void begin_marking() noexcept {
  for (std::uint32_t i = 0; i <= states_bound() / 64; ++i) {
    reached[i].store(0, std::memory_order_relaxed);
    born[i].store(0, std::memory_order_relaxed);
  }
  marking.store(true, std::memory_order_release);
}
void end_marking() noexcept { marking.store(false, std::memory_order_release); }

bool is_marked(StateId id) noexcept { return has_bit(reached, id) || has_bit(born, id); }

void mark_chain(StateId id) noexcept {
  for (; id != kUntouched && !has_bit(reached, id); id = node_of(id).older) set_bit(reached, id);
}

void give_back_states(StateId first, StateId last, std::uint32_t count) noexcept {
  // In batches, so that one thread does not take them all.
  while (count != 0) {
    const std::uint32_t some = count < kBatch ? count : kBatch;
    StateId end = first;
    for (std::uint32_t i = 1; i < some; ++i) end = node_of(end).older;
    const StateId next = end == last ? kUntouched : node_of(end).older;
    pool_lock.lock();
    node_of(first).depth = some;
    node_of(first).last_write = free_batches;
    free_batches = first;
    pool_lock.unlock();
    first = next;
    count -= some;
  }
}

}  // namespace vigil::shim::race
