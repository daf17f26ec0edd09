#include "interpose/race/library_caches.hpp"

#include <dlfcn.h>

#include <array>
#include <atomic>

#include "interpose/stacks/safe_read.hpp"

namespace vigil::shim::race {
namespace {

// Of libstdc++'s std::ctype<char>, whose layout its ABI fixes: from _M_widen_ok to _M_narrow_ok.
constexpr std::uintptr_t kFirst = 56;
constexpr std::uintptr_t kLast = 569;

constexpr std::array kTables{"_ZTVSt5ctypeIcE", "_ZTVSt12ctype_bynameIcE"};
// What an object's first word is; 0: there is no such library. relaxed: found before the second thread is there.
constinit std::array<std::atomic<std::uintptr_t>, kTables.size()> first_words{};

bool is_ctype(std::uintptr_t word) noexcept {
  for (const auto& one : first_words) {
    if (word != 0 && one.load(std::memory_order_relaxed) == word) return true;
  }
  return false;
}

}  // namespace

void find_library_caches() noexcept {
  constexpr std::uintptr_t kPreface = 2 * sizeof(std::uintptr_t);  // the distance to the whole, and the type
  for (std::size_t i = 0; i < kTables.size(); ++i) {
    const void* const table = dlsym(RTLD_DEFAULT, kTables[i]);
    if (table != nullptr) {
      first_words[i].store(reinterpret_cast<std::uintptr_t>(table) + kPreface, std::memory_order_relaxed);
    }
  }
}

bool is_library_cache(std::uintptr_t address) noexcept {
  if (first_words[0].load(std::memory_order_relaxed) == 0) return false;
  constexpr std::uintptr_t kPage = 4096;
  std::uintptr_t readable = 0;
  for (std::uintptr_t at = address & ~std::uintptr_t{7}; address - at <= kLast; at -= sizeof(at)) {
    if (at < kPage) return false;
    if (at / kPage != readable) {
      if (!unwind::is_readable(at)) return false;
      readable = at / kPage;
    }
    if (is_ctype(*reinterpret_cast<const std::uintptr_t*>(at))) return address - at >= kFirst;
  }
  return false;
}

}  // namespace vigil::shim::race
