#include "interpose/race/clock_tree.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <new>

#include "interpose/own_memory.hpp"

namespace vigil::shim::race {

// Fan-out 16: a private path to one of a million slots is 5 nodes and 0.6 KiB; with 32 it would be 0.9 KiB for one
// level less.
constexpr unsigned kBits = 4;
constexpr std::uint32_t kFan = 1U << kBits;

struct ClockNode {
  explicit ClockNode(std::uint32_t node_level) noexcept : level(node_level) {}
  std::atomic<std::uint32_t> refs{1};  // references from parents and roots
  const std::uint32_t level;           // 0: a leaf; a node covers 16^(level + 1) slots
};

namespace {

struct Leaf : ClockNode {
  Leaf() noexcept : ClockNode(0) {}
  std::array<ClockTime, kFan> times{};
};

struct Inner : ClockNode {
  explicit Inner(std::uint32_t node_level) noexcept : ClockNode(node_level) {}
  std::array<ClockNode*, kFan> children{};  // owned references; null: all zero
};

Leaf& leaf_of(ClockNode* node) noexcept { return static_cast<Leaf&>(*node); }
const Leaf& leaf_of(const ClockNode* node) noexcept { return static_cast<const Leaf&>(*node); }
Inner& inner_of(ClockNode* node) noexcept { return static_cast<Inner&>(*node); }
const Inner& inner_of(const ClockNode* node) noexcept { return static_cast<const Inner&>(*node); }

// One counter would be a cache line that every thread fights for.
struct alignas(64) NodeCounter {
  std::atomic<std::ptrdiff_t> alive{0};
};
constinit std::array<NodeCounter, 16> node_counters{};

void count_node(std::ptrdiff_t change) noexcept {
  const int on_this_stack = 0;  // its page tells threads and tasks apart well enough
  const auto page = reinterpret_cast<std::uintptr_t>(&on_this_stack) >> 16U;
  // relaxed: a number for tests, read when all is quiet.
  node_counters[page % node_counters.size()].alive.fetch_add(change, std::memory_order_relaxed);
}

template <class Node, class... Args>
Node* make_node(const Args&... args) noexcept {
  count_node(1);
  return ::new (own_allocate(sizeof(Node), alignof(Node))) Node(args...);
}

template <class Node>
void free_node(Node* node) noexcept {
  count_node(-1);
  node->~Node();
  own_free(node, sizeof(Node), alignof(Node));
}

ClockNode* shared(ClockNode* node) noexcept {
  // relaxed: whoever copies a reference holds one, and handed it on with an order of its own.
  if (node != nullptr) node->refs.fetch_add(1, std::memory_order_relaxed);
  return node;
}

void unshare(ClockNode* node) noexcept;

[[gnu::noinline]] void destroy(ClockNode* node) noexcept {
  if (node->level == 0) {
    free_node(&leaf_of(node));
    return;
  }
  Inner& inner = inner_of(node);
  for (ClockNode* const child : inner.children) unshare(child);  // recursion as deep as the tree: at most 8
  free_node(&inner);
}

void unshare(ClockNode* node) noexcept {
  if (node == nullptr) return;
  // acq_rel: the last owner must see what former owners read and wrote before it frees or changes the node.
  if (node->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(node);
}

// Whether the caller, who owns a reference and every node above it alone, may change the node (I2). Nobody else can
// gain a reference meanwhile, since there is none to copy.
bool is_sole(const ClockNode* node) noexcept {
  return node->refs.load(std::memory_order_acquire) == 1;  // pairs with the release in unshare()
}

std::uint32_t index_at(std::uint32_t slot, std::uint32_t level) noexcept {
  return (slot >> (kBits * level)) & (kFan - 1);
}

bool covers(const ClockNode* root, std::uint32_t slot) noexcept {
  const std::uint32_t bits = kBits * (root->level + 1);
  return bits >= 32 || (slot >> bits) == 0;
}

// A leaf or inner node of one's own with the same contents; the reference to node is given up for it.
ClockNode* own_copy(ClockNode* node) noexcept {
  ClockNode* copy = nullptr;
  if (node->level == 0) {
    Leaf* const leaf = make_node<Leaf>();
    leaf->times = leaf_of(node).times;
    copy = leaf;
  } else {
    Inner* const inner = make_node<Inner>(node->level);
    for (std::uint32_t i = 0; i < kFan; ++i) inner->children[i] = shared(inner_of(node).children[i]);
    copy = inner;
  }
  unshare(node);
  return copy;
}

ClockNode* new_node(std::uint32_t level) noexcept {
  if (level == 0) return make_node<Leaf>();
  return make_node<Inner>(level);
}

// A node that was given up for another, whose reference the caller now owns.
ClockNode* give_up(ClockNode* mine, ClockNode* theirs) noexcept {
  unshare(mine);
  return shared(theirs);
}

ClockNode* join_leaves(ClockNode* mine, ClockNode* theirs, bool sole) noexcept {
  const Leaf& a = leaf_of(mine);
  const Leaf& b = leaf_of(theirs);
  bool a_has_more = false;
  bool b_has_more = false;
  for (std::uint32_t i = 0; i < kFan; ++i) {
    a_has_more |= a.times[i] > b.times[i];
    b_has_more |= b.times[i] > a.times[i];
  }
  if (!a_has_more) return give_up(mine, theirs);  // also when equal: one node for both sides from now on
  if (!b_has_more) return mine;
  Leaf* const target = sole ? &leaf_of(mine) : make_node<Leaf>();
  for (std::uint32_t i = 0; i < kFan; ++i) target->times[i] = std::max(a.times[i], b.times[i]);
  if (!sole) unshare(mine);
  return target;
}

// mine: an owned reference, changed in place when sole; theirs: borrowed. Both of one level, or null.
// Returns an owned reference to the join, and one of the two nodes themselves when it knows all (I3).
ClockNode* join_nodes(ClockNode* mine, ClockNode* theirs, bool path_is_sole) noexcept {
  if (mine == theirs || theirs == nullptr) return mine;
  if (mine == nullptr) return shared(theirs);
  const bool sole = path_is_sole && is_sole(mine);
  if (mine->level == 0) return join_leaves(mine, theirs, sole);

  Inner& a = inner_of(mine);
  const Inner& b = inner_of(theirs);
  if (sole) {
    bool all_theirs = true;
    for (std::uint32_t i = 0; i < kFan; ++i) {
      a.children[i] = join_nodes(a.children[i], b.children[i], true);
      all_theirs &= a.children[i] == b.children[i];
    }
    return all_theirs ? give_up(mine, theirs) : mine;
  }
  std::array<ClockNode*, kFan> joined{};  // owned
  bool all_mine = true;
  bool all_theirs = true;
  for (std::uint32_t i = 0; i < kFan; ++i) {
    joined[i] = join_nodes(shared(a.children[i]), b.children[i], false);
    all_mine &= joined[i] == a.children[i];
    all_theirs &= joined[i] == b.children[i];
  }
  if (all_mine || all_theirs) {
    for (ClockNode* const child : joined) unshare(child);
    return all_theirs ? give_up(mine, theirs) : mine;
  }
  Inner* const result = make_node<Inner>(mine->level);
  result->children = joined;
  unshare(mine);
  return result;
}

// The same times under a root of a higher level. Takes over the reference.
ClockNode* raised(ClockNode* root, std::uint32_t level) noexcept {
  while (root->level < level) {
    Inner* const above = make_node<Inner>(root->level + 1);
    above->children[0] = root;
    root = above;
  }
  return root;
}

}  // namespace

ClockNode* ClockTree::share(ClockNode* node) noexcept { return shared(node); }
void ClockTree::drop(ClockNode* node) noexcept { unshare(node); }

ClockTime ClockTree::at(ClockSlot slot) const noexcept {
  const auto number = static_cast<std::uint32_t>(slot);
  const ClockNode* node = root_;
  if (node == nullptr || !covers(node, number)) return 0;
  while (node->level != 0) {
    node = inner_of(node).children[index_at(number, node->level)];
    if (node == nullptr) return 0;
  }
  return leaf_of(node).times[index_at(number, 0)];
}

void ClockTree::set(ClockSlot slot, ClockTime time) noexcept {
  const auto number = static_cast<std::uint32_t>(slot);
  if (root_ == nullptr) root_ = new_node(0);
  while (!covers(root_, number)) root_ = raised(root_, root_->level + 1);

  ClockNode** place = &root_;
  bool sole = true;
  std::uint32_t level = root_->level;
  for (;;) {
    if (*place == nullptr) {
      *place = new_node(level);
    } else {
      sole = sole && is_sole(*place);
      // The nodes below a copy have gained a reference by the copying, so sole is false for them by itself.
      if (!sole) *place = own_copy(*place);
    }
    if (level == 0) break;
    place = &inner_of(*place).children[index_at(number, level)];
    --level;
  }
  leaf_of(*place).times[index_at(number, 0)] = time;
}

void ClockTree::join(const ClockTree& other) noexcept {
  if (root_ == other.root_ || other.root_ == nullptr) return;
  if (root_ == nullptr) {
    root_ = shared(other.root_);
    return;
  }
  if (root_->level < other.root_->level) root_ = raised(root_, other.root_->level);
  if (root_->level == other.root_->level) {
    root_ = join_nodes(root_, other.root_, true);
    return;
  }
  // A taller tree learns from a lower one: only the leftmost path down to that level can differ. Copying that path
  // is wasted when there is nothing to learn, but it is short, and trees of two heights meet rarely.
  ClockNode** place = &root_;
  bool sole = true;
  std::uint32_t level = root_->level;  // of *place, also while that is null
  while (*place != nullptr && level > other.root_->level) {
    sole = sole && is_sole(*place);
    if (!sole) *place = own_copy(*place);
    place = &inner_of(*place).children[0];
    --level;
  }
  if (*place == nullptr) {
    // No node on the way down: the lower tree fills the gap, raised to its height.
    *place = raised(shared(other.root_), level);
    return;
  }
  *place = join_nodes(*place, other.root_, sole);
}

std::size_t ClockTree::nodes() noexcept {
  std::ptrdiff_t sum = 0;
  for (const NodeCounter& counter : node_counters) sum += counter.alive.load(std::memory_order_relaxed);
  return static_cast<std::size_t>(sum);
}

}  // namespace vigil::shim::race
