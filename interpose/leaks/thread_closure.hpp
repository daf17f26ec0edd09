// Thread closure: the block in the heap in which a std::thread keeps what it runs, and what that has captured. It is
// the thread's alone, like its stack, unless somebody refers into it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vigil::shim::leaks {

// The bytes of that block, when `function` is libstdc++'s own (the shared library's), and the block is from an
// allocator whose sizes are known; else 0. On the creating thread, before the thread is there.
[[nodiscard]] std::size_t closure_bytes(void* (*function)(void*), void* argument) noexcept;

}  // namespace vigil::shim::leaks
