// Shared blocks: what std::make_shared() put into the heap, found by who owns it.
//
// Whoever owns such an object has the address of its block in a std::shared_ptr, and the block begins with how many
// owners there are. So it is known of it, as of a channel, whether all who own it were found; a block of any other sort
// may be anybody's. It is recognised by the name of its type, which its first word leads to, in a program that is built
// with types' names (the usual case); and its size is known where heap_block.hpp knows the allocator.
//
// A word that is left of a block that is freed shows no owners, or no such name.
#pragma once

#include <cstdint>
#include <span>

#include "interpose/own_mappings.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::leaks {

struct SharedBlock {
  AddressRange range;
  std::uint64_t owners = 0;  // std::shared_ptrs
};

class SharedBlocks {
 public:
  // Words of somebody's memory, some of which may be addresses of such blocks. own: where no block lies, for the words
  // do.
  void look_at(std::span<const std::uintptr_t> words, AddressRange own) noexcept;
  // Finds the blocks that those words lead to, those that these own, and so on; none of very many words. Cost: a system
  // call for 256 different words.
  void find() noexcept;
  // By address.
  [[nodiscard]] const OwnVector<SharedBlock>& all() const noexcept { return blocks_; }
  // In all(): the one that holds it.
  static constexpr std::size_t kNone = ~std::size_t{0};
  [[nodiscard]] std::size_t index_at(std::uintptr_t address) const noexcept;

 private:
  void look_up(std::span<const std::uintptr_t> addresses) noexcept;
  bool makes_shared(std::uintptr_t table) noexcept;

  // Addresses differ in some of their bits only.
  struct Mixed {
    std::size_t operator()(std::uintptr_t address) const noexcept {
      return static_cast<std::size_t>((address * 0x9e3779b97f4a7c15ULL) >> 20U);
    }
  };
  OwnSet<std::uintptr_t, Mixed> seen_;
  OwnVector<std::uintptr_t> open_;             // seen, and not looked up
  OwnMap<std::uintptr_t, bool> known_tables_;  // of virtual functions: whether they are such a block's
  OwnVector<SharedBlock> blocks_;
};

}  // namespace vigil::shim::leaks
