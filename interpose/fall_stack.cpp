// This file is compiled with exceptions, as Boost.Stacktrace's headers are; none is thrown.
#include "interpose/fall_stack.hpp"

#include <dlfcn.h>
#include <link.h>

#include <array>
#include <atomic>
#include <boost/stacktrace/safe_dump_to.hpp>
#include <cstdint>
#include <string_view>

namespace vigil::shim {
namespace {

constexpr std::size_t kOfTheHandler = 3;  // capture_fall(), the handler, the C library's return from it
constexpr std::size_t kMostTold = 8;

constinit std::array<const void*, kMostFallFrames + 1> frames{};  // one place more: a dump ends with a null
constinit std::atomic<std::size_t> depth{0};                      // relaxed: one thread falls, and reads it afterwards
constinit std::atomic_flag capturing;                             // relaxed, as above

std::string_view base_name(std::string_view path) noexcept { return path.substr(path.rfind('/') + 1); }

}  // namespace

// A frame of its own: kOfTheHandler counts it.
[[gnu::noinline]] void capture_fall() noexcept {
  if (capturing.test_and_set(std::memory_order_relaxed)) return;
  const std::size_t stored = boost::stacktrace::safe_dump_to(kOfTheHandler, frames.data(), sizeof frames);
  depth.store(stored == 0 ? 0 : stored - 1, std::memory_order_relaxed);
  capturing.clear(std::memory_order_relaxed);
}

std::span<const void* const> fall_stack() noexcept { return {frames.data(), depth.load(std::memory_order_relaxed)}; }

FallText fall_words() noexcept {
  FallText words;
  std::size_t told = 0;
  for (const void* const frame : fall_stack()) {
    dl_find_object found{};
    // Lock-free, as an unwinder needs it.
    if (told++ == kMostTold || _dl_find_object(const_cast<void*>(frame), &found) != 0) break;
    const std::string_view name = base_name(found.dlfo_link_map->l_name);
    words << (told == 1 ? " at " : " ") << (name.empty() ? "the program" : name) << "+0x";
    words.hex(reinterpret_cast<std::uintptr_t>(frame) - found.dlfo_link_map->l_addr);
  }
  return words;
}

}  // namespace vigil::shim
