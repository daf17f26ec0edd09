#include "interpose/race/clock_tree.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <new>

#include "interpose/own_memory.hpp"
#include "interpose/race/leaf_times.hpp"

namespace vigil::shim::race {

// A copy of an inner node counts one more reference to each child, a locked instruction each; a copy of a leaf is plain
// memory. So leaves are wide: in a line of a thousand tasks a meeting copies one inner node where 16 times to a leaf
// made it two, and up to 127 actors need no inner node. A private path to one of a million slots is 5 nodes and 1.2
// KiB.
constexpr unsigned kBits = 4;
constexpr std::uint32_t kFan = 1U << kBits;

struct ClockNode {
  explicit ClockNode(std::uint32_t node_level) noexcept : level(node_level) {}
  std::atomic<std::uint32_t> refs{1};  // references from parents and roots
  const std::uint32_t level;           // 0: a leaf; a node covers 128 * 16^level slots
  Epoch stamp;
};

namespace {

struct Leaf : ClockNode {
  enum class Times : std::uint8_t { Zero, Later };  // Later: whoever makes the leaf writes them all
  explicit Leaf(Times now) noexcept : ClockNode(0) {
    if (now == Times::Zero) times.fill(0);
  }
  std::array<ClockTime, kLeafTimes> times;
};

struct Inner : ClockNode {
  explicit Inner(std::uint32_t node_level) noexcept : ClockNode(node_level) {}
  std::array<ClockNode*, kFan> children{};  // owned references; null: all zero
};

Leaf& leaf_of(ClockNode* node) noexcept { return static_cast<Leaf&>(*node); }
const Leaf& leaf_of(const ClockNode* node) noexcept { return static_cast<const Leaf&>(*node); }
Inner& inner_of(ClockNode* node) noexcept { return static_cast<Inner&>(*node); }
const Inner& inner_of(const ClockNode* node) noexcept { return static_cast<const Inner&>(*node); }

// For tests: two locked instructions a node are a tenth of a meeting. So nodes are counted from the first question on.
constinit std::atomic<bool> counts{false};
constinit std::atomic<std::ptrdiff_t> alive{0};

void count_node(std::ptrdiff_t change) noexcept {
  // relaxed: set before the nodes that are counted; a number that is read when all is quiet.
  if (counts.load(std::memory_order_relaxed)) [[unlikely]]
    alive.fetch_add(change, std::memory_order_relaxed);
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

// The place of a slot in an inner node of that level, and in a leaf.
std::uint32_t index_at(std::uint32_t slot, std::uint32_t level) noexcept {
  return (slot >> (kLeafBits + kBits * (level - 1))) & (kFan - 1);
}
std::uint32_t index_in_leaf(std::uint32_t slot) noexcept { return slot & (kLeafTimes - 1); }

bool covers(const ClockNode* root, std::uint32_t slot) noexcept {
  const std::uint32_t bits = kLeafBits + kBits * root->level;
  return bits >= 32 || (slot >> bits) == 0;
}

// A leaf or inner node of one's own with the same contents; the reference to node is given up for it.
ClockNode* own_copy(ClockNode* node) noexcept {
  ClockNode* copy = nullptr;
  if (node->level == 0) {
    Leaf* const leaf = make_node<Leaf>(Leaf::Times::Later);
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
  if (level == 0) return make_node<Leaf>(Leaf::Times::Zero);
  return make_node<Inner>(level);
}

// What the stamps of two nodes of one place say without a question, as far as they do: both are of one author, and
// whoever has a node knows its stamp (I5), so who has the later one knows the other's.
enum class Newer : std::uint8_t { Mine, Theirs, Unknown };
Newer newer_by_stamp(Epoch mine, Epoch theirs) noexcept {
  if (mine.slot() != theirs.slot() || mine == Epoch()) return Newer::Unknown;
  return theirs.time() >= mine.time() ? Newer::Theirs : Newer::Mine;
}

// ---- join of two trees that stay as they are ----

// For actors, whose trees others share.

struct Questions {
  Epoch author;
  KnowsRef mine;
  KnowsRef theirs;
};

// The join is one of the two nodes (I3: theirs when they are equal), or a new one, to which there is one reference.
enum class Side : std::uint8_t { Mine, Theirs, Neither };
struct Joined {
  Side side;
  ClockNode* node;
};

Joined join_leaves(const Leaf& mine, Leaf& theirs, Epoch author) noexcept {
  Leaf* const leaf = make_node<Leaf>(Leaf::Times::Later);
  const LaterTimes later = join_leaf_times(mine.times.data(), theirs.times.data(), leaf->times.data());
  if (later.mine && later.theirs) {
    leaf->stamp = author;
    return {Side::Neither, leaf};
  }
  free_node(leaf);
  return later.mine ? Joined{Side::Mine, nullptr} : Joined{Side::Theirs, &theirs};
}

// ask: null when nobody can be asked.
Joined join_nodes(ClockNode* mine, ClockNode* theirs, const Questions* ask) noexcept {
  if (mine == theirs || mine == nullptr) return {Side::Theirs, theirs};
  if (theirs == nullptr) return {Side::Mine, mine};
  const Epoch author = ask != nullptr ? ask->author : Epoch();
  // Of leaves, too: a question looks at a line or two, a comparison at eight.
  if (ask != nullptr) {
    switch (newer_by_stamp(mine->stamp, theirs->stamp)) {
      case Newer::Mine:
        return {Side::Mine, mine};
      case Newer::Theirs:
        return {Side::Theirs, theirs};
      case Newer::Unknown:
        break;
    }
    if (mine->stamp != Epoch() && ask->theirs(mine->stamp)) return {Side::Theirs, theirs};
    if (theirs->stamp != Epoch() && ask->mine(theirs->stamp)) return {Side::Mine, mine};
  }
  if (mine->level == 0) {
    const Joined joined = join_leaves(leaf_of(mine), leaf_of(theirs), author);
    return joined.side == Side::Mine ? Joined{Side::Mine, mine} : joined;
  }

  const Inner& a = inner_of(mine);
  const Inner& b = inner_of(theirs);
  std::array<ClockNode*, kFan> children;  // owned where `fresh` has the bit
  std::uint32_t fresh = 0;
  bool all_mine = true;
  bool all_theirs = true;
  for (std::uint32_t i = 0; i < kFan; ++i) {
    if (a.children[i] == b.children[i]) {
      children[i] = a.children[i];
      continue;
    }
    const Joined joined = join_nodes(a.children[i], b.children[i], ask);
    children[i] = joined.node;
    if (joined.side == Side::Neither) fresh |= 1U << i;
    all_mine &= joined.node == a.children[i];
    all_theirs &= joined.node == b.children[i];
  }
  if (all_theirs) return {Side::Theirs, theirs};
  if (all_mine) return {Side::Mine, mine};
  Inner* const result = make_node<Inner>(mine->level);
  for (std::uint32_t i = 0; i < kFan; ++i) {
    result->children[i] = (fresh & (1U << i)) != 0 ? children[i] : shared(children[i]);
  }
  result->stamp = author;
  return {Side::Neither, result};
}

// ---- join in place: for trees that nobody else reads, above all those of wait groups ----

// Takes over a reference to mine, to which the caller owns the whole path alone, and returns one to the join.
ClockNode* join_in_place(ClockNode* mine, ClockNode* theirs) noexcept {
  if (mine == theirs || theirs == nullptr) return mine;
  if (mine == nullptr) return shared(theirs);
  if (!is_sole(mine)) {
    const Joined joined = join_nodes(mine, theirs, nullptr);
    if (joined.side == Side::Mine) return mine;
    if (joined.side == Side::Theirs) shared(theirs);
    unshare(mine);
    return joined.node;
  }
  mine->stamp = Epoch();
  bool all_theirs = true;
  if (mine->level == 0) {
    Leaf& a = leaf_of(mine);
    all_theirs = !join_leaf_times(a.times.data(), leaf_of(theirs).times.data(), a.times.data()).mine;
  } else {
    Inner& a = inner_of(mine);
    const Inner& b = inner_of(theirs);
    for (std::uint32_t i = 0; i < kFan; ++i) {
      a.children[i] = join_in_place(a.children[i], b.children[i]);
      all_theirs &= a.children[i] == b.children[i];
    }
  }
  if (!all_theirs) return mine;
  unshare(mine);
  return shared(theirs);  // one node for both sides from now on
}

// The same times under a root of a higher level. Takes over the reference.
ClockNode* raised(ClockNode* root, std::uint32_t level) noexcept {
  while (root->level < level) {
    Inner* const above = make_node<Inner>(root->level + 1);
    above->stamp = root->stamp;
    above->children[0] = root;
    root = above;
  }
  return root;
}

// mine = the join of two leaves; in place where mine is in this tree alone (I2).
void join_leaf(ClockNode*& mine, ClockNode* theirs, Epoch author) noexcept {
  if (!is_sole(mine)) {
    const Joined joined = join_leaves(leaf_of(mine), leaf_of(theirs), author);
    if (joined.side == Side::Mine) return;
    unshare(std::exchange(mine, joined.side == Side::Theirs ? shared(theirs) : joined.node));
    return;
  }
  Leaf& a = leaf_of(mine);
  const LaterTimes later = join_leaf_times(a.times.data(), leaf_of(theirs).times.data(), a.times.data());
  if (!later.mine) {
    unshare(std::exchange(mine, shared(theirs)));  // I3
  } else if (later.theirs) {
    mine->stamp = author;
  }
}

// mine = the join of two nodes above leaves, of which mine is in this tree alone. All questions are asked before the
// first change, for they are about this tree: half a join may know an epoch and not what that stands for.
template <class MineKnows, class TheirsKnows>
void join_above_leaves(ClockNode*& mine, ClockNode* theirs, Epoch author, const MineKnows& mine_knows,
                       const TheirsKnows& theirs_know) noexcept {
  Inner& a = inner_of(mine);
  const Inner& b = inner_of(theirs);
  std::uint32_t differ = 0;
  std::uint32_t take = 0;   // theirs, as it is
  std::uint32_t mixed = 0;  // each knows something there that the other does not, for all we can tell
  for (std::uint32_t i = 0; i < kFan; ++i) {
    const ClockNode* const ours = a.children[i];
    const ClockNode* const others = b.children[i];
    if (ours == others) continue;
    differ |= 1U << i;
    if (others == nullptr) continue;
    const Newer newer = ours != nullptr ? newer_by_stamp(ours->stamp, others->stamp) : Newer::Theirs;
    if (newer == Newer::Mine) continue;
    if (newer == Newer::Theirs || (ours->stamp != Epoch() && theirs_know(ours->stamp))) {
      take |= 1U << i;
    } else if (others->stamp == Epoch() || !mine_knows(others->stamp)) {
      mixed |= 1U << i;
    }
  }
  if ((take | mixed) == 0) return;
  bool all_theirs = differ == (take | mixed);
  for (; take != 0; take &= take - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(take));
    unshare(std::exchange(a.children[i], shared(b.children[i])));
  }
  for (; mixed != 0; mixed &= mixed - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(mixed));
    join_leaf(a.children[i], b.children[i], author);
    all_theirs = all_theirs && a.children[i] == b.children[i];
  }
  if (all_theirs) {
    unshare(std::exchange(mine, shared(theirs)));  // I3
  } else {
    mine->stamp = author;
  }
}

// The time of a slot under a node that covers it or not.
ClockTime time_under(const ClockNode* node, std::uint32_t slot) noexcept {
  if (node == nullptr || !covers(node, slot)) return 0;
  while (node->level != 0) {
    node = inner_of(node).children[index_at(slot, node->level)];
    if (node == nullptr) return 0;
  }
  return leaf_of(node).times[index_in_leaf(slot)];
}

// Who knows a tree, and all of its own time.
struct Knower {
  const ClockNode* root;
  Epoch own;
  bool operator()(Epoch epoch) const noexcept {
    if (epoch.slot() == own.slot()) return epoch.time() <= own.time();
    return epoch.time() <= time_under(root, static_cast<std::uint32_t>(epoch.slot()));
  }
};

bool stamps_known(const ClockNode* node, KnowsRef owner) noexcept {
  if (node->stamp != Epoch() && !owner(node->stamp)) return false;
  if (node->level == 0) return true;
  const auto& children = inner_of(node).children;
  return std::all_of(children.begin(), children.end(),
                     [&](const ClockNode* child) noexcept { return child == nullptr || stamps_known(child, owner); });
}

}  // namespace

ClockNode* ClockTree::share(ClockNode* node) noexcept { return shared(node); }
void ClockTree::drop(ClockNode* node) noexcept { unshare(node); }

bool ClockTree::is_alone() const noexcept { return root_ != nullptr && is_sole(root_); }

ClockTime ClockTree::at(ClockSlot slot) const noexcept { return time_under(root_, static_cast<std::uint32_t>(slot)); }

void ClockTree::set(ClockSlot slot, ClockTime time, Epoch author) noexcept {
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
    (*place)->stamp = author;
    if (level == 0) break;
    place = &inner_of(*place).children[index_at(number, level)];
    --level;
  }
  leaf_of(*place).times[index_in_leaf(number)] = time;
}

void ClockTree::join(const ClockTree& other) noexcept {
  if (root_ == other.root_ || other.root_ == nullptr) return;
  if (root_ == nullptr) {
    root_ = shared(other.root_);
    return;
  }
  ClockNode* theirs = shared(other.root_);
  theirs = raised(theirs, root_->level);
  root_ = join_in_place(raised(root_, theirs->level), theirs);
  unshare(theirs);
}

void ClockTree::join(const ClockTree& other, Epoch author, KnowsRef mine, KnowsRef theirs) noexcept {
  if (root_ == other.root_ || other.root_ == nullptr) return;
  if (root_ == nullptr) {
    root_ = shared(other.root_);
    return;
  }
  const Questions ask{author, mine, theirs};
  if (root_->level == 0 && other.root_->level == 0) {
    // The clocks of a program of few actors.
    join_leaf(root_, other.root_, author);
    return;
  }
  if (root_->level == 1 && other.root_->level == 1 && is_sole(root_)) {
    join_above_leaves(root_, other.root_, author, mine, theirs);
    return;
  }
  // The questions are about this tree as it is now, so root_ stays until the last is asked.
  if (root_->level == other.root_->level) {
    const Joined joined = join_nodes(root_, other.root_, &ask);
    if (joined.side == Side::Mine) return;
    if (joined.side == Side::Theirs) shared(joined.node);
    unshare(std::exchange(root_, joined.node));
    return;
  }
  // Trees of two heights meet rarely: the lower is raised by nodes of its own.
  ClockNode* const my_root = raised(shared(root_), other.root_->level);
  ClockNode* const their_root = raised(shared(other.root_), root_->level);
  const Joined joined = join_nodes(my_root, their_root, &ask);
  if (joined.side != Side::Neither) shared(joined.node);
  unshare(my_root);
  unshare(their_root);
  unshare(std::exchange(root_, joined.node));
}

void ClockTree::meet(ClockTree& other, Epoch mine, Epoch theirs) noexcept {
  // The side that may be changed in place becomes the join: the one that has been in a meeting since its last partner
  // was in one.
  if (other.is_alone() && !is_alone()) return other.meet(*this, theirs, mine);
  const Knower i_know{root_, mine};
  const Knower they_know{other.root_, theirs};
  if (is_alone() && root_->level == 1 && other.root_ != nullptr && other.root_->level == 1) {
    join_above_leaves(root_, other.root_, mine, i_know, they_know);
  } else {
    join(other, mine, KnowsRef(i_know), KnowsRef(they_know));
  }
  set(mine.slot(), mine.time(), mine);
  set(theirs.slot(), theirs.time(), mine);
  other = *this;
}

bool ClockTree::stamps_within(KnowsRef owner) const noexcept { return root_ == nullptr || stamps_known(root_, owner); }

std::size_t ClockTree::nodes() noexcept {
  counts.store(true, std::memory_order_relaxed);
  return static_cast<std::size_t>(alive.load(std::memory_order_relaxed));
}

}  // namespace vigil::shim::race
