// HeldSet: which locks one actor held at one moment, however many. Sets share what they have in common: the oldest
// locks are at the far end of a chain, and a set that differs from another only in its youngest locks shares the rest
// with it. So ten thousand locks taken one inside another are ten thousand links, not fifty million entries.
//
// Threads: a set may be copied and dropped by any thread; its links do not change, but for what belongs
// to the lock graph and is used under its lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "interpose/stack_capture.hpp"

namespace vigil::shim::locks {

enum class LockId : std::uint64_t {};  // of one lock from its first use to its destruction; never reused

enum class LockMode : std::uint8_t { Exclusive, Shared };

struct HeldLock;

class HeldSet {
 public:
  struct Link {
    const Link* older = nullptr;  // one reference
    LockId lock{};
    StackId taken_at = kNoStack;
    LockMode mode = LockMode::Exclusive;
    std::uint32_t count = 1;  // locks from here on
    mutable std::atomic<std::uint32_t> references{1};
    // The graph's, in which this link and all older ones are when in_graph says so.
    mutable std::uint64_t mark = 0;        // of its last question, which was for some lock
    mutable const Link* answer = nullptr;  // where that lock is, from here on
    mutable const Link* loose = nullptr;   // the next older one that no edge leads on from (LockGraph, G4)
    mutable bool in_graph = false;
  };

  HeldSet() noexcept = default;
  HeldSet(const HeldSet& other) noexcept;
  HeldSet(HeldSet&& other) noexcept : youngest_(std::exchange(other.youngest_, nullptr)) {}
  HeldSet& operator=(HeldSet other) noexcept {
    std::swap(youngest_, other.youngest_);
    return *this;
  }
  ~HeldSet();

  // Oldest first, as HeldLocks::live() gives them; shares with `like` as many of the oldest as both have.
  HeldSet(std::span<const HeldLock> held, const HeldSet& like) noexcept;

  [[nodiscard]] const Link* youngest() const noexcept { return youngest_; }
  [[nodiscard]] std::size_t count() const noexcept { return youngest_ == nullptr ? 0 : youngest_->count; }
  // Null: it is not among them.
  [[nodiscard]] const Link* find(LockId lock) const noexcept;

  // Of all sets in this process.
  static std::size_t links_alive() noexcept;

 private:
  const Link* youngest_ = nullptr;
};

}  // namespace vigil::shim::locks
