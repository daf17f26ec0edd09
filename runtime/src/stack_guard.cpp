// Guards: what lies below a stack so that running over its end is noticed.
//
// Lightweight guards (Linux 6.13) cost 0.4 us and no mapping, so a million tasks can have one each. Where the kernel
// has none, a guard is an inaccessible mapping; these are counted, for a process may have 65,530 mappings by default
// and each guard makes two. Beyond the count a stack has no guard, and the words below it are looked at when its task
// switches.
#include <atomic>
#include <cstdlib>
#include <string_view>

#include <sys/mman.h>

#include "runtime/src/stack_pool.hpp"

namespace vigil::detail {
namespace {

constexpr int kMadvGuardInstall = 102;        // MADV_GUARD_INSTALL, newer than the headers of Debian 12
constexpr std::uint32_t kMaxMappings = 8192;  // guards made of mappings: a quarter of the default limit

GuardKind best_guard() noexcept {
  const char* const forced = std::getenv("VIGIL_STACK_GUARDS");
  const std::string_view wanted = forced == nullptr ? "" : forced;
  if (wanted == "canary") return GuardKind::Canary;
  if (wanted == "mapping") return GuardKind::Mapping;
  return GuardKind::Lightweight;
}

// The best kind that still works; it only gets worse: Lightweight, Mapping, Canary. relaxed: it is only a hint.
constinit std::atomic<GuardKind> kind_to_try{GuardKind::None};
constinit std::atomic<std::uint32_t> mappings{0};

}  // namespace

GuardKind install_guard(std::byte* page) noexcept {
  GuardKind kind = kind_to_try.load(std::memory_order_relaxed);
  if (kind == GuardKind::None) kind = best_guard();
  if (kind == GuardKind::Lightweight && ::madvise(page, kPageBytes, kMadvGuardInstall) != 0) kind = GuardKind::Mapping;
  if (kind == GuardKind::Mapping && (mappings.fetch_add(1, std::memory_order_relaxed) >= kMaxMappings ||
                                     ::mprotect(page, kPageBytes, PROT_NONE) != 0)) {
    kind = GuardKind::Canary;
  }
  kind_to_try.store(kind, std::memory_order_relaxed);
  return kind;
}

}  // namespace vigil::detail
