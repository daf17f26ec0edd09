// Heap block: how large a block is that libstdc++ took from malloc(), where both are known to be the usual ones.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vigil::shim::leaks {

// Looks where the program's operator new and malloc() come from, once. It asks the loader, whose lock may be held for
// as long as a library is loaded: not to be called for the first time while anybody is stopped.
void find_allocator() noexcept;
// The module of libstdc++'s, whose operator new takes its blocks from malloc(); 0: the program has an operator new or a
// malloc() of its own, or the library is linked into the program, and nothing is known.
[[nodiscard]] std::uint32_t library_with_allocator() noexcept;
// Of a block of such an operator new's that is not freed meanwhile.
[[nodiscard]] std::size_t block_bytes(const void* block) noexcept;
// The same of one that may be: read through the kernel, so 0 or whatever number was left there, but no crash. 0 also
// when malloc() keeps sizes elsewhere than glibc's does.
[[nodiscard]] std::size_t block_bytes_at(std::uintptr_t block) noexcept;

}  // namespace vigil::shim::leaks
