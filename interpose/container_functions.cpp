// What instrumented code gets in place of libstdc++'s functions on the nodes of lists and trees
// (instrumented_code.hpp): the same, and the engine is told which pointers they read and write.
//
// std::list, std::map, std::set and their kin are templates but for these: what hangs a node in or out is compiled into
// the library, so a task that looks something up while another inserts touched nothing that anybody wrote.
//
// Told is what is read and written for certain, before the real call. Of a tree that changes that is the node, the link
// that leads to it, and the header's pointer to the root: whatever the colours turn out to be, each look-up begins
// there, and no look-up is allowed beside a change ([container.requirements.dataraces]). Of the links that a rotation
// moves besides nothing is told.
#include <cstddef>
#include <cstdint>

#include "interpose/instrumented_code.hpp"
#include "interpose/race/memory.hpp"

namespace vigil::shim {
namespace {

// As libstdc++'s ABI has them since g++ 3: bits/stl_tree.h and bits/stl_list.h. A list's header is a node, too; a
// tree's has the root as its parent, the first node as its left and the last as its right.
struct TreeNode {
  int color;
  TreeNode* parent;
  TreeNode* left;
  TreeNode* right;
};
static_assert(sizeof(TreeNode) == 4 * sizeof(void*));
struct ListNode {
  ListNode* next;
  ListNode* previous;
};

[[gnu::always_inline]] inline std::uintptr_t caller() noexcept {
  return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
}

// Accesses to whole objects, pointers above all, by one call of instrumented code.
class Access {
 public:
  explicit Access(std::uintptr_t pc) noexcept : pc_(pc) {}
  template <class T>
  T& read(T& at) const noexcept {
    race::on_read(reinterpret_cast<std::uintptr_t>(&at), sizeof(T), pc_);  // NOLINT(bugprone-sizeof-expression)
    return at;
  }
  template <class T>
  void write(T& at) const noexcept {
    race::on_write(reinterpret_cast<std::uintptr_t>(&at), sizeof(T), pc_);  // NOLINT(bugprone-sizeof-expression)
  }

 private:
  std::uintptr_t pc_;
};

// ---- trees ----------------------------------------------------------------------------------------------------------

using Link = TreeNode* TreeNode::*;

// The node after `at` when `onward` is right, the one before when it is left.
void read_step(const Access& access, TreeNode* at, Link onward, Link back) noexcept {
  // One step before end() is the last node, which libstdc++ knows the header for by its colour: red as no root is, and
  // its own grandparent.
  if (back == &TreeNode::right && at->color == 0 && access.read(at->parent)->parent == at) {
    access.read(at->right);
    return;
  }
  if (TreeNode* down = access.read(at->*onward); down != nullptr) {
    while (down != nullptr) down = access.read(down->*back);
    return;
  }
  for (TreeNode* up = access.read(at->parent); at == access.read(up->*onward); up = access.read(at->parent)) at = up;
}

TreeNode* (*real_after)(TreeNode*) = nullptr;
TreeNode* my_after(TreeNode* at) noexcept {
  read_step(Access(caller()), at, &TreeNode::right, &TreeNode::left);
  return real_after(at);
}
TreeNode* (*real_after_const)(TreeNode*) = nullptr;
TreeNode* my_after_const(TreeNode* at) noexcept {
  read_step(Access(caller()), at, &TreeNode::right, &TreeNode::left);
  return real_after_const(at);
}
TreeNode* (*real_before)(TreeNode*) = nullptr;
TreeNode* my_before(TreeNode* at) noexcept {
  read_step(Access(caller()), at, &TreeNode::left, &TreeNode::right);
  return real_before(at);
}
TreeNode* (*real_before_const)(TreeNode*) = nullptr;
TreeNode* my_before_const(TreeNode* at) noexcept {
  read_step(Access(caller()), at, &TreeNode::left, &TreeNode::right);
  return real_before_const(at);
}

void (*real_insert)(bool, TreeNode*, TreeNode*, TreeNode&) = nullptr;
void my_insert(bool to_the_left, TreeNode* node, TreeNode* parent, TreeNode& header) noexcept {
  const Access access(caller());
  access.write(*node);
  access.write(header.parent);
  // Under the header itself hangs the first of all, which is its left and its right as well.
  if (to_the_left || parent == &header) access.write(parent->left);
  if (!to_the_left || parent == &header) access.write(parent->right);
  if (to_the_left && parent != &header && parent == access.read(header.left)) access.write(header.left);
  if (!to_the_left && parent != &header && parent == access.read(header.right)) access.write(header.right);
  real_insert(to_the_left, node, parent, header);
}

TreeNode* (*real_erase)(TreeNode*, TreeNode&) = nullptr;
TreeNode* my_erase(TreeNode* node, TreeNode& header) noexcept {
  const Access access(caller());
  TreeNode* const parent = access.read(*node).parent;
  access.write(header.parent);
  if (parent != &header) access.write(parent->left == node ? parent->left : parent->right);
  if (access.read(header.left) == node) access.write(header.left);
  if (access.read(header.right) == node) access.write(header.right);
  return real_erase(node, header);
}

// ---- lists ----------------------------------------------------------------------------------------------------------

void (*real_hook)(ListNode*, ListNode*) = nullptr;
void my_hook(ListNode* node, ListNode* before) noexcept {
  const Access access(caller());
  access.write(*node);
  access.write(access.read(before->previous)->next);
  access.write(before->previous);
  real_hook(node, before);
}

void (*real_unhook)(ListNode*) = nullptr;
void my_unhook(ListNode* node) noexcept {
  const Access access(caller());
  access.read(*node);
  access.write(node->next->previous);
  access.write(node->previous->next);
  real_unhook(node);
}

// [first, last) moves before `before`.
void (*real_transfer)(ListNode*, ListNode*, ListNode*) = nullptr;
void my_transfer(ListNode* before, ListNode* first, ListNode* last) noexcept {
  if (before != last) {
    const Access access(caller());
    for (ListNode* const one : {before, first, last}) {
      access.write(access.read(one->previous)->next);
      access.write(one->previous);
    }
  }
  real_transfer(before, first, last);
}

void (*real_reverse)(ListNode*) = nullptr;
void my_reverse(ListNode* header) noexcept {
  const Access access(caller());
  ListNode* at = header;
  do {
    access.write(*at);
    at = at->next;
  } while (at != header);
  real_reverse(header);
}

void (*real_swap)(ListNode&, ListNode&) = nullptr;
void my_swap(ListNode& one, ListNode& other) noexcept {
  const Access access(caller());
  for (ListNode* const header : {&one, &other}) {
    if (header->next != header) {
      access.write(header->next->previous);
      access.write(header->previous->next);
    }
    access.write(*header);
  }
  real_swap(one, other);
}

// ---- hash values ----------------------------------------------------------------------------------------------------

std::size_t (*real_hash)(const void*, std::size_t, std::size_t) = nullptr;
std::size_t my_hash(const void* from, std::size_t size, std::size_t seed) noexcept {
  race::on_read(reinterpret_cast<std::uintptr_t>(from), size, caller());
  return real_hash(from, size, seed);
}

const Replacement kAll[] = {
    {"_ZSt18_Rb_tree_incrementPSt18_Rb_tree_node_base", reinterpret_cast<void*>(my_after),
     reinterpret_cast<void**>(&real_after)},
    {"_ZSt18_Rb_tree_incrementPKSt18_Rb_tree_node_base", reinterpret_cast<void*>(my_after_const),
     reinterpret_cast<void**>(&real_after_const)},
    {"_ZSt18_Rb_tree_decrementPSt18_Rb_tree_node_base", reinterpret_cast<void*>(my_before),
     reinterpret_cast<void**>(&real_before)},
    {"_ZSt18_Rb_tree_decrementPKSt18_Rb_tree_node_base", reinterpret_cast<void*>(my_before_const),
     reinterpret_cast<void**>(&real_before_const)},
    {"_ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_", reinterpret_cast<void*>(my_insert),
     reinterpret_cast<void**>(&real_insert)},
    {"_ZSt28_Rb_tree_rebalance_for_erasePSt18_Rb_tree_node_baseRS_", reinterpret_cast<void*>(my_erase),
     reinterpret_cast<void**>(&real_erase)},
    {"_ZNSt8__detail15_List_node_base7_M_hookEPS0_", reinterpret_cast<void*>(my_hook),
     reinterpret_cast<void**>(&real_hook)},
    {"_ZNSt8__detail15_List_node_base9_M_unhookEv", reinterpret_cast<void*>(my_unhook),
     reinterpret_cast<void**>(&real_unhook)},
    {"_ZNSt8__detail15_List_node_base11_M_transferEPS0_S1_", reinterpret_cast<void*>(my_transfer),
     reinterpret_cast<void**>(&real_transfer)},
    {"_ZNSt8__detail15_List_node_base10_M_reverseEv", reinterpret_cast<void*>(my_reverse),
     reinterpret_cast<void**>(&real_reverse)},
    {"_ZNSt8__detail15_List_node_base4swapERS0_S1_", reinterpret_cast<void*>(my_swap),
     reinterpret_cast<void**>(&real_swap)},
    {"_ZSt11_Hash_bytesPKvmm", reinterpret_cast<void*>(my_hash), reinterpret_cast<void**>(&real_hash)},
};

}  // namespace

std::span<const Replacement> container_replacements() noexcept { return kAll; }

}  // namespace vigil::shim
