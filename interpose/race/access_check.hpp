// AccessShadow: exact race detection for the variables the program asked to be watched (Traced<T>).
//
// For each variable, two sets: the writes and the reads that no later write (read) is known to follow. An access
// conflicts with every kept write, and a write with every kept read, that did not happen before it. Dropping what a
// later access of the same sort follows loses no racing variable: whoever is not ordered with the dropped one is not
// ordered with its follower. (FastTrack, Flanagan and Freund, PLDI 2009, keeps one write and drops racing reads; we
// keep both sets whole, so that a second racing pair of one variable is found too.)
//
// Threads: any. One lock per shard of addresses; no lock of ours but the stack depot's is taken under it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "interpose/futex_lock.hpp"
#include "interpose/race/access_set.hpp"
#include "interpose/race/vector_clock.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim::race {

// What the caller wants back when this access turns out to be one side of a race. Opaque here.
struct AccessBy {
  std::uint64_t actor = 0;                  // who
  std::uint32_t held = 0;                   // the locks it held, as the caller numbers such sets
  StackId (*capture)() noexcept = nullptr;  // called only when the access must be kept (capture_stack)
};

// The answer of one check: the access as it was recorded, and the older ones it races with, the newest epochs first
// kept.
struct Conflicts {
  static constexpr std::size_t kMost = 4;  // partners told at once: more would be more findings of the same defect
  Access newer;
  std::array<Access, kMost> older;
  std::uint32_t told = 0;      // valid entries of older
  std::uint32_t total = 0;     // told and untold
  std::uint64_t variable = 0;  // number of the variable, from 1, never reused
  StackId made_at = kNoStack;  // where make() was told it was created
  [[nodiscard]] bool any() const noexcept { return told != 0; }
};

class AccessShadow {
 public:
  constexpr AccessShadow() noexcept = default;
  AccessShadow(const AccessShadow&) = delete;
  AccessShadow& operator=(const AccessShadow&) = delete;

  // A variable begins: forgets what was known of an older one at this address.
  void make(std::uintptr_t address, std::size_t size, StackId made_at) noexcept;
  void destroy(std::uintptr_t address, std::size_t size) noexcept;
  // One access. A variable never made is made by its first access.
  Conflicts check_read(std::uintptr_t address, std::size_t size, ActorClock& clock, const AccessBy& by) noexcept;
  Conflicts check_write(std::uintptr_t address, std::size_t size, ActorClock& clock, const AccessBy& by) noexcept;
  [[nodiscard]] std::size_t variables() noexcept;  // now known; for tests

 private:
  struct Variable;
  struct Table;
  struct alignas(64) Shard {
    FutexLock lock;
    Table* table = nullptr;  // guarded by lock; made by the first variable
  };
  static constexpr std::size_t kShards = 64;

  template <bool kWrite>
  Conflicts check(std::uintptr_t address, std::size_t size, ActorClock& clock, const AccessBy& by) noexcept;
  Shard& shard_of(std::uintptr_t address) noexcept;

  std::array<Shard, kShards> shards_{};
};

}  // namespace vigil::shim::race
