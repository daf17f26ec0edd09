#include "interpose/race/context_tree.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <new>

#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/reserve.hpp"

namespace vigil::shim::race {
namespace {

// A step: what it says in the upper two bits, below them an address or a number.
enum class StepKind : std::uint8_t { Call = 0, Access = 1, Locks = 2, Stack = 3 };
constexpr unsigned kKindShift = 62;

struct Node {
  std::uint64_t step;
  std::uint32_t parent;
};
static_assert(sizeof(Node) == 16);

constexpr unsigned kIdBits = 26;
constexpr std::uint32_t kMost = 1U << kIdBits;  // nodes: 1 GiB

// An index: open addressing, at most half full. A slot has the id of a node, and above it a few bits of its hash, so
// that another node is seldom looked at; 0: empty.
struct Index {
  static constexpr std::uint32_t kLine = 16;  // slots of a line of memory

  std::uint32_t mask;  // slots - 1
  alignas(kLine * sizeof(std::uint32_t)) std::atomic<std::uint32_t> slots[1];
};
constexpr std::uint32_t kFirstSlots = 1U << 12U;

constinit FutexLock tree_lock;
constinit std::atomic<Node*> nodes{nullptr};  // kMost of them, reserved at the first use
constinit std::atomic<Index*> index_now{nullptr};
constinit std::uint32_t used = 3;              // next number; guarded by tree_lock
constinit std::atomic<std::uint32_t> made{0};  // a statistic: relaxed

std::uint64_t make_step(StepKind kind, std::uint64_t value) noexcept {
  return static_cast<std::uint64_t>(kind) << kKindShift | value;
}
StepKind kind_of(const Node& node) noexcept { return static_cast<StepKind>(node.step >> kKindShift); }
std::uint64_t value_of(const Node& node) noexcept { return node.step & ((std::uint64_t{1} << kKindShift) - 1); }

// Where a node may lie, one slot after the other. Each parent has a line in which its children are looked for first:
// who walks down a calling context asks for several steps from there, one after the other, and each elsewhere would be
// a line to fetch. Who has more children than the line takes has the others where the hash of both leads.
class Places {
 public:
  Places(std::uint32_t parent, std::uint64_t step, std::uint32_t mask) noexcept : mask_(mask) {
    // Parents are numbered one after the other: a product spreads them.
    const std::uint64_t spread = parent * 0x9E3779B97F4A7C15U;
    line_ = static_cast<std::uint32_t>(spread >> 32U) & mask & ~(Index::kLine - 1);
    hash_ = static_cast<std::uint32_t>((step ^ spread) * 0xBF58476D1CE4E5B9U >> 32U);
  }

  [[nodiscard]] std::uint32_t now() const noexcept {
    return tries_ < Index::kLine ? line_ + (hash_ + tries_) % Index::kLine : (hash_ + tries_) & mask_;
  }
  [[nodiscard]] std::uint32_t first() const noexcept { return line_ + hash_ % Index::kLine; }
  void next() noexcept { ++tries_; }
  void skip_line() noexcept { tries_ = Index::kLine; }
  // The line that comes first.
  [[nodiscard]] const std::atomic<std::uint32_t>* line(const std::atomic<std::uint32_t>* slots) const noexcept {
    return slots + line_;
  }
  // What a slot of that node has.
  [[nodiscard]] std::uint32_t entry_of(std::uint32_t id) const noexcept { return (hash_ & ~(kMost - 1)) | id; }
  [[nodiscard]] bool may_be(std::uint32_t entry) const noexcept { return ((entry ^ hash_) & ~(kMost - 1)) == 0; }

 private:
  std::uint32_t mask_;
  std::uint32_t line_;
  std::uint32_t hash_;
  std::uint32_t tries_ = 0;
};

std::size_t bytes_of_index(std::uint32_t slots) noexcept {
  return sizeof(Index) + (slots - 1) * sizeof(std::atomic<std::uint32_t>);
}

Index* make_index(std::uint32_t slots) noexcept {
  void* const block = own_allocate(bytes_of_index(slots), alignof(Index));
  auto* const index = static_cast<Index*>(block);
  index->mask = slots - 1;
  for (std::uint32_t i = 0; i < slots; ++i) ::new (&index->slots[i]) std::atomic<std::uint32_t>(0);
  return index;
}

[[gnu::noinline]] std::uint32_t find_beyond_line(const Index& index, const Node* all, std::uint32_t parent,
                                                 std::uint64_t step) noexcept {
  Places places(parent, step, index.mask);
  for (places.skip_line();; places.next()) {
    // acquire, here and below: pairs with the release in index_node(); the node is whole.
    const std::uint32_t entry = index.slots[places.now()].load(std::memory_order_acquire);
    if (entry == 0) return 0;
    const std::uint32_t id = entry % kMost;
    if (places.may_be(entry) && all[id].parent == parent && all[id].step == step) return id;
  }
}

[[gnu::noinline]] std::uint32_t find(const Index& index, const Node* all, std::uint32_t parent,
                                     std::uint64_t step) noexcept {
  const Places places(parent, step, index.mask);
  const auto line = places.line(index.slots);
  std::uint32_t at = places.now() % Index::kLine;
  for (std::uint32_t left = Index::kLine; left != 0; --left, at = (at + 1) % Index::kLine) {
    const std::uint32_t entry = line[at].load(std::memory_order_acquire);
    if (places.may_be(entry)) {
      const Node& node = all[entry % kMost];
      if (node.step == step && node.parent == parent && entry != 0) return entry % kMost;
    }
    if (entry == 0) return 0;
  }
  return find_beyond_line(index, all, parent, step);
}

// Most are where they are looked for first. Demands: there is an index.
[[gnu::always_inline]] inline std::uint32_t find_first(const Index& index, const Node* all, std::uint32_t parent,
                                                       std::uint64_t step) noexcept {
  const Places places(parent, step, index.mask);
  // Nobody's parent is 0, as that of the node is which an empty slot names.
  const std::uint32_t id = index.slots[places.first()].load(std::memory_order_acquire) % kMost;
  const Node& node = all[id];
  if (node.step == step && node.parent == parent) [[likely]]
    return id;
  return find(index, all, parent, step);
}

void index_node(Index& index, const Node* all, std::uint32_t id) noexcept {
  Places places(all[id].parent, all[id].step, index.mask);
  while (index.slots[places.now()].load(std::memory_order_relaxed) != 0) places.next();
  index.slots[places.now()].store(places.entry_of(id), std::memory_order_release);
}

// Under tree_lock. Null: no address space.
Node* nodes_made() noexcept {
  Node* all = nodes.load(std::memory_order_relaxed);
  if (all != nullptr) return all;
  all = static_cast<Node*>(reserve_zeroed(std::size_t{kMost} * sizeof(Node)));
  if (all == nullptr) return nullptr;
  index_now.store(make_index(kFirstSlots), std::memory_order_relaxed);
  nodes.store(all, std::memory_order_release);
  return all;
}

// 0: there is no room for it.
[[gnu::noinline]] std::uint32_t add(std::uint32_t parent, std::uint64_t step) noexcept {
  tree_lock.lock();
  Node* const all = nodes_made();
  std::uint32_t id = 0;
  if (all != nullptr) {
    Index* index = index_now.load(std::memory_order_relaxed);
    id = find(*index, all, parent, step);
    if (id == 0 && used < kMost) {
      id = used++;
      all[id] = {step, parent};
      made.fetch_add(1, std::memory_order_relaxed);
      if (std::uint64_t{used} * 2 > std::uint64_t{index->mask} + 1) {
        // The old index stays: others may be looking into it. All of them together are as large as the new one.
        Index* const larger = make_index((index->mask + 1) * 2);
        for (std::uint32_t known = 3; known < id; ++known) index_node(*larger, all, known);
        index = larger;
        index_node(*index, all, id);
        index_now.store(index, std::memory_order_release);
      } else {
        index_node(*index, all, id);
      }
    }
  }
  tree_lock.unlock();
  return id;
}

[[gnu::always_inline]] inline std::uint32_t node_of(std::uint32_t parent, std::uint64_t step) noexcept {
  const Node* const all = nodes.load(std::memory_order_acquire);  // pairs with the release in nodes_made()
  if (all != nullptr) [[likely]] {
    const Index* const index = index_now.load(std::memory_order_acquire);
    if (const std::uint32_t known = find_first(*index, all, parent, step); known != 0) [[likely]]
      return known;
  }
  return add(parent, step);
}

}  // namespace

ContextId context_of(ContextId caller, std::uintptr_t return_address) noexcept {
  const std::uint32_t id = node_of(static_cast<std::uint32_t>(caller), make_step(StepKind::Call, return_address));
  return id == 0 ? kCutContext : ContextId{id};
}

ContextId context_of(StackId captured) noexcept {
  const std::uint64_t step = make_step(StepKind::Stack, static_cast<std::uint32_t>(captured));
  const std::uint32_t id = node_of(static_cast<std::uint32_t>(kRootContext), step);
  return id == 0 ? kCutContext : ContextId{id};
}

PlaceId place_of(ContextId context, std::uintptr_t return_address, LockSetId held) noexcept {
  std::uint32_t id = node_of(static_cast<std::uint32_t>(context), make_step(StepKind::Access, return_address));
  if (id != 0 && held != LockSetId{0}) {
    id = node_of(id, make_step(StepKind::Locks, static_cast<std::uint32_t>(held)));
  }
  return PlaceId{id};
}

LockSetId held_at(PlaceId place) noexcept {
  const Node* const all = nodes.load(std::memory_order_acquire);
  const auto id = static_cast<std::uint32_t>(place);
  if (all == nullptr || id == 0 || kind_of(all[id]) != StepKind::Locks) return LockSetId{0};
  return LockSetId{static_cast<std::uint32_t>(value_of(all[id]))};
}

std::uintptr_t return_address_at(PlaceId place) noexcept {
  const Node* const all = nodes.load(std::memory_order_acquire);
  auto id = static_cast<std::uint32_t>(place);
  if (all == nullptr || id == 0) return 0;
  if (kind_of(all[id]) == StepKind::Locks) id = all[id].parent;
  return kind_of(all[id]) == StepKind::Access ? value_of(all[id]) : 0;
}

StackId stack_of(PlaceId place) noexcept {
  const Node* const all = nodes.load(std::memory_order_acquire);
  auto id = static_cast<std::uint32_t>(place);
  if (all == nullptr || id == 0) return kNoStack;
  // As stack_capture.cpp: the innermost 96, of the rest the outermost 32. A return address less one lies in the call.
  constexpr std::size_t kInnermost = 96;
  constexpr std::size_t kOutermost = kMaxFrames - kInnermost;
  std::array<std::uintptr_t, kMaxFrames> frames;
  std::size_t seen = 0;
  for (; id > static_cast<std::uint32_t>(kCutContext); id = all[id].parent) {
    if (kind_of(all[id]) == StepKind::Stack) return StackId{static_cast<std::uint32_t>(value_of(all[id]))};
    if (kind_of(all[id]) == StepKind::Locks || value_of(all[id]) == 0) continue;
    const std::size_t at = seen < kInnermost ? seen : kInnermost + (seen - kInnermost) % kOutermost;
    frames[at] = value_of(all[id]) - 1;
    ++seen;
  }
  if (seen > kMaxFrames) {
    const auto outer = frames.begin() + static_cast<std::ptrdiff_t>(kInnermost);
    std::rotate(outer, outer + static_cast<std::ptrdiff_t>((seen - kInnermost) % kOutermost), frames.end());
  }
  return intern_stack(std::span<const std::uintptr_t>(frames).first(std::min(seen, kMaxFrames)));
}

std::size_t contexts_made() noexcept { return made.load(std::memory_order_relaxed); }

}  // namespace vigil::shim::race
