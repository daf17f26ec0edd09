#include "interpose/leaks/shared_blocks.hpp"

#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "interpose/leaks/heap_block.hpp"
#include "interpose/leaks/memory_search.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::leaks {
namespace {

// How libstdc++ begins a block of std::make_shared(); the counts are of the default policy.
struct Head {
  std::uintptr_t table;  // of its virtual functions
  std::int32_t owners;
  std::int32_t watchers;  // and one for all owners
};
constexpr std::size_t kAtOnce = 256;  // of heads
constexpr std::size_t kMostSeen = 1U << 18U;
constexpr std::size_t kLargestBlock = 1U << 20U;  // of a block

}  // namespace

void SharedBlocks::look_at(std::span<const std::uintptr_t> words, AddressRange own) noexcept {
  constexpr std::uintptr_t kForeign = 0xffff'8000'0000'000f;  // bits of no block's address
  constexpr std::uintptr_t kFirst = 0x10000;
  for (const std::uintptr_t word : words) {
    if ((word & kForeign) != 0 || word < kFirst || own.holds(word) || seen_.size() > kMostSeen) continue;
    if (seen_.insert(word).second) open_.push_back(word);
  }
}

// Whether the type whose table of virtual functions that is is the block of a std::make_shared() that takes its memory
// from operator new: _Sp_counted_ptr_inplace<T, std::allocator<void>, _S_atomic>.
bool SharedBlocks::makes_shared(std::uintptr_t table) noexcept {
  const auto known = known_tables_.find(table);
  if (known != known_tables_.end()) return known->second;
  constexpr std::string_view kBegin = "St23_Sp_counted_ptr_inplaceI";
  constexpr std::string_view kEnd = "SaIvELN9__gnu_cxx12_Lock_policyE2EE";
  std::array<char, 2048> text{};
  std::uintptr_t type = 0;
  std::uintptr_t name = 0;
  std::string_view is;
  // The word before a table leads to the type, whose second word leads to the name.
  if (table % 8 == 0 && MemorySearch::read_word(table - 8, type) && type % 8 == 0 &&
      MemorySearch::read_word(type + 8, name)) {
    is = {text.data(), MemorySearch::read_bytes(name, text.data(), text.size())};
    const std::size_t end = is.find('\0');
    is = end == std::string_view::npos ? std::string_view() : is.substr(0, end);
    if (is.starts_with('*')) is.remove_prefix(1);  // a type that only one file of the program knows
  }
  const bool does = is.starts_with(kBegin) && is.ends_with(kEnd);
  known_tables_[table] = does;
  return does;
}

void SharedBlocks::look_up(std::span<const std::uintptr_t> addresses) noexcept {
  std::array<Head, kAtOnce> heads{};
  std::array<iovec, kAtOnce> there;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    there[i] = {reinterpret_cast<void*>(addresses[i]), sizeof(Head)};
  }
  const long pid = raw_syscall(SYS_getpid);
  for (std::size_t next = 0; next < addresses.size();) {
    const iovec here{heads.data() + next, (addresses.size() - next) * sizeof(Head)};
    const long got =
        raw_syscall(SYS_process_vm_readv, pid, reinterpret_cast<long>(&here), 1,
                    reinterpret_cast<long>(there.data() + next), static_cast<long>(addresses.size() - next), 0);
    // The one that could not be read whole is none.
    next += got > 0 ? static_cast<std::size_t>(got) / sizeof(Head) : 0;
    if (next < addresses.size()) heads[next++] = {};
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const Head& head = heads[i];
    if (head.table == 0 || head.owners <= 0 || head.watchers <= 0 || !makes_shared(head.table)) continue;
    const std::size_t bytes = block_bytes_at(addresses[i]);
    if (bytes < sizeof(Head) || bytes > kLargestBlock) continue;
    blocks_.push_back(
        {.range = {addresses[i], addresses[i] + bytes}, .owners = static_cast<std::uint64_t>(head.owners)});
  }
}

void SharedBlocks::find() noexcept {
  if (library_with_allocator() == 0) return;
  AddressRange block{};
  auto look_inside = [&](std::span<const std::uintptr_t> words, std::uintptr_t /*at*/) { look_at(words, block); };
  while (!open_.empty() && seen_.size() <= kMostSeen) {
    const std::size_t before = blocks_.size();
    const OwnVector<std::uintptr_t> open = std::exchange(open_, {});
    for (std::size_t i = 0; i < open.size(); i += kAtOnce) {
      look_up(std::span(open).subspan(i, std::min(kAtOnce, open.size() - i)));
    }
    for (std::size_t i = before; i < blocks_.size(); ++i) {
      // What cannot be read owns nobody.
      block = blocks_[i].range;
      static_cast<void>(MemorySearch::read(block, look_inside));
    }
  }
  if (seen_.size() > kMostSeen) blocks_.clear();
  std::ranges::sort(blocks_, {}, [](const SharedBlock& one) { return one.range.low; });
}

std::size_t SharedBlocks::index_at(std::uintptr_t address) const noexcept {
  const auto after =
      std::ranges::upper_bound(blocks_, address, {}, [](const SharedBlock& one) { return one.range.low; });
  if (after == blocks_.begin() || !(after - 1)->range.holds(address)) return kNone;
  return static_cast<std::size_t>(after - 1 - blocks_.begin());
}

}  // namespace vigil::shim::leaks
