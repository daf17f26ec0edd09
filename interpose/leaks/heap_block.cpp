#include "interpose/leaks/heap_block.hpp"

#include <dlfcn.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>

#include "interpose/leaks/memory_search.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/stacks/modules.hpp"

namespace vigil::shim::leaks {
namespace {

using UsableSize = std::size_t (*)(void*);

// 0: not asked yet. relaxed, with what is stored before: every thread finds the same.
constinit std::atomic<std::uint32_t> known_library{0};
constinit std::atomic<UsableSize> known_size{nullptr};
constinit std::atomic<bool> sizes_lie_before{false};
constexpr std::uint32_t kNone = ~std::uint32_t{0};

// glibc's word in front of a block: the bytes from there to the next such word, and three marks.
std::size_t bytes_by_word_before(std::uintptr_t block) noexcept {
  constexpr std::uintptr_t kMarks = 7;
  constexpr std::uintptr_t kIsMapped = 2;  // on its own: nothing behind it lends its first word
  std::uintptr_t word = 0;
  if (!MemorySearch::read_word(block - sizeof(word), word)) return 0;
  const std::size_t around = (word & kIsMapped) != 0 ? 2 * sizeof(word) : sizeof(word);
  return (word & ~kMarks) > around ? (word & ~kMarks) - around : 0;
}

// Nothing is allocated to find out: where the program's blocks lie is as it was without us.
bool is_of_libc(UsableSize size) noexcept {
  const void* const version = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
  const std::uint32_t module = module_at(reinterpret_cast<std::uintptr_t>(size));
  return module != 0 && module == module_at(reinterpret_cast<std::uintptr_t>(version));
}

std::uint32_t find_library() noexcept {
  const std::uint32_t library = module_at(reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, "_Znwm")));
  const bool has_threads =
      library != 0 &&
      library == module_at(reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, "_ZNSt6thread4joinEv")));
  // A program with a malloc of its own never comes by ours, behind which the real one lies.
  const bool is_ours = dlsym(RTLD_DEFAULT, "malloc") == reinterpret_cast<void*>(&std::malloc);
  return has_threads && is_ours && !module_info(library).is_program ? library : kNone;
}

}  // namespace

void find_allocator() noexcept {
  if (known_library.load(std::memory_order_acquire) != 0) return;
  const auto size = find_real_as<std::size_t(void*)>("malloc_usable_size");
  const std::uint32_t library = size == nullptr ? kNone : find_library();
  known_size.store(size, std::memory_order_relaxed);
  sizes_lie_before.store(library != kNone && is_of_libc(size), std::memory_order_relaxed);
  known_library.store(library, std::memory_order_release);
}

std::uint32_t library_with_allocator() noexcept {
  const std::uint32_t library = known_library.load(std::memory_order_acquire);
  return library == kNone ? 0 : library;
}

std::size_t block_bytes(const void* block) noexcept {
  return known_size.load(std::memory_order_relaxed)(const_cast<void*>(block));
}

std::size_t block_bytes_at(std::uintptr_t block) noexcept {
  const bool known = library_with_allocator() != 0 && sizes_lie_before.load(std::memory_order_relaxed);
  return known ? bytes_by_word_before(block) : 0;
}

}  // namespace vigil::shim::leaks
