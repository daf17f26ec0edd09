#include "interpose/race/access_states.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "interpose/futex_lock.hpp"
#include "interpose/race/reserve.hpp"
#include "interpose/race/wide_records.hpp"

namespace vigil::shim::race {

namespace detail {
constinit std::atomic<AccessNode*> state_nodes{nullptr};
constinit std::atomic<std::uint64_t> states_made{0};
constinit std::atomic<std::uint64_t>* reached = nullptr;
constinit std::atomic<std::uint64_t>* born = nullptr;
constinit std::uint64_t* doomed = nullptr;
constinit std::atomic<bool> marking{false};
}  // namespace detail

namespace {

using detail::born;
using detail::marking;
using detail::reached;

constexpr std::uint32_t kBatch = 64;

constinit FutexLock pool_lock;
// A batch of free numbers is linked by `older`; batches by `chain.last_write` of their first.
constinit StateId free_batches = kUntouched;    // guarded by pool_lock
constinit std::atomic<std::uint32_t> bound{1};  // written under pool_lock

std::uint32_t number(StateId id) noexcept { return static_cast<std::uint32_t>(id); }

bool is_reached(StateId id) noexcept {
  return (reached[number(id) / 64].load(std::memory_order_relaxed) >> number(id) % 64 & 1U) != 0;
}
// Of `reached`, which the collector alone writes: no locked instruction for each state that stays.
void set_reached(StateId id) noexcept {
  std::atomic<std::uint64_t>& bits = reached[number(id) / 64];
  bits.store(bits.load(std::memory_order_relaxed) | std::uint64_t{1} << number(id) % 64, std::memory_order_relaxed);
}

// The number is nobody's any more.
void clear(AccessNode& node) noexcept {
  node.word.store(0, std::memory_order_relaxed);
  if (!node.is_wide()) return;
  WideRecords::unmake(node.wide);
  node.flags.store(0, std::memory_order_relaxed);
}

// A linked batch; kUntouched: no more.
StateId take_batch(std::uint32_t& count) noexcept {
  pool_lock.lock();
  StateId first = free_batches;
  count = kBatch;
  if (first != kUntouched) {
    free_batches = node_of(first).chain.last_write;
    count = node_of(first).chain.depth;
  } else {
    const std::uint32_t from = bound.load(std::memory_order_relaxed);
    if (from + kBatch <= kMostStates) {
      first = StateId{from};
      // The last one's, too: a page that is read before it is written is mapped twice, and the second time all
      // processors are told (a batch begins at the second node of a page and ends at the first of another).
      for (std::uint32_t i = 0; i < kBatch; ++i) {
        node_of(StateId{from + i}).older = i + 1 < kBatch ? StateId{from + i + 1} : kUntouched;
      }
      bound.store(from + kBatch, std::memory_order_release);
    }
  }
  pool_lock.unlock();
  detail::states_made.fetch_add(count, std::memory_order_relaxed);
  return first;
}

}  // namespace

bool prepare_states() noexcept {
  auto* const nodes = static_cast<AccessNode*>(reserve_zeroed(std::size_t{kMostStates} * sizeof(AccessNode)));
  reached = static_cast<std::atomic<std::uint64_t>*>(reserve_zeroed(std::size_t{kMostStates} / 8));
  born = static_cast<std::atomic<std::uint64_t>*>(reserve_zeroed(std::size_t{kMostStates} / 8));
  detail::doomed = static_cast<std::uint64_t*>(reserve_zeroed(std::size_t{kMostStates} / 8));
  if (detail::doomed == nullptr || nodes == nullptr || reached == nullptr || born == nullptr) return false;
  detail::state_nodes.store(nodes, std::memory_order_release);
  return true;
}

bool StateCache::refill() noexcept {
  first_ = take_batch(count_);
  if (first_ == kUntouched) count_ = 0;
  return count_ != 0;
}

void StateCache::give(StateId id) noexcept {
  AccessNode& node = node_of(id);
  clear(node);
  node.older = first_;
  first_ = id;
  ++count_;
}

void StateCache::empty() noexcept {
  if (count_ == 0) return;
  pool_lock.lock();
  node_of(first_).chain.depth = count_;
  node_of(first_).chain.last_write = free_batches;
  free_batches = first_;
  pool_lock.unlock();
  first_ = kUntouched;
  count_ = 0;
}

void set_next_compaction(StateId fresh) noexcept {
  AccessNode& node = node_of(fresh);
  const auto logarithm = static_cast<std::uint32_t>(std::bit_width(node.chain.depth));
  const std::uint32_t flags = node.flags.load(std::memory_order_relaxed) & ((1U << AccessNode::kCompactShift) - 1);
  node.flags.store(std::max(AccessNode::kFewest, logarithm + 1) << AccessNode::kCompactShift | flags,
                   std::memory_order_relaxed);
}

void put_off_compaction(StateId chain) noexcept {
  // relaxed: a hint. Others mark the state as shared meanwhile.
  node_of(chain).flags.fetch_add(1U << AccessNode::kCompactShift, std::memory_order_relaxed);
}

std::uint32_t states_bound() noexcept { return bound.load(std::memory_order_acquire); }

void begin_marking() noexcept {
  for (std::uint32_t i = 0; i <= states_bound() / 64; ++i) {
    reached[i].store(0, std::memory_order_relaxed);
    born[i].store(0, std::memory_order_relaxed);
  }
  marking.store(true, std::memory_order_release);
}
void end_marking() noexcept { marking.store(false, std::memory_order_release); }

void mark_chain(StateId id) noexcept {
  if (is_private(id)) return set_reached(without_bits(id));
  for (; id != kUntouched && !is_reached(id); id = node_of(id).older) set_reached(id);
}

void give_back_noted(std::uint32_t below) noexcept {
  // In batches, so that one thread does not take them all.
  StateId batches = kUntouched;  // linked as free_batches
  StateId oldest = kUntouched;   // of them
  StateId batch = kUntouched;
  std::uint32_t count = 0;
  const auto finish = [&] {
    if (count == 0) return;
    node_of(batch).chain = {batches, count};
    if (batches == kUntouched) oldest = batch;
    batches = std::exchange(batch, kUntouched);
    count = 0;
  };
  for (std::uint32_t first = 0; first < below; first += 64) {
    for (std::uint64_t left = detail::doomed[first / 64]; left != 0; left &= left - 1) {
      const StateId id{first + static_cast<std::uint32_t>(std::countr_zero(left))};
      AccessNode& node = node_of(id);
      clear(node);
      node.older = std::exchange(batch, id);
      if (++count == kBatch) finish();
    }
  }
  finish();
  if (batches == kUntouched) return;
  pool_lock.lock();
  node_of(oldest).chain.last_write = free_batches;
  free_batches = batches;
  pool_lock.unlock();
}

}  // namespace vigil::shim::race
