// Alone: where the program's only thread has locked what it holds. While there is one thread its locks are not
// followed, for nobody can be in its way; but what it holds when the second one begins counts from then on, and what it
// destroys locked, or lets another thread unlock, it has locked somewhere.
//
// To look where a lock was taken costs about as much as to take it, and most are given back at once. So only the first
// kMostNotes locks of each set are looked at, and only the first kMostWalks stacks that are not remembered are walked:
// a program that stays alone pays a millisecond or two, and then nothing that can be measured. What is not noted is
// held at a place that nobody knows, as if it had been locked before the shim came.
//
// Threads: used while there is one.
#pragma once

#include <array>
#include <cstdint>

#include "interpose/lifecycle.hpp"
#include "interpose/locks/quick_locks.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim::locks::alone {

enum class Sort : std::uint8_t { Mutex, WriteLock };

struct Place {
  std::uintptr_t address = 0;  // of the lock; 0: free
  StackId stack = kNoStack;
  Sort sort = Sort::Mutex;
};

namespace detail {

// The locks whose addresses have one hash.
struct alignas(64) Set {
  std::array<Place, 2> places{};
  std::uint32_t notes = 0;  // ever made
};
inline constexpr std::size_t kSets = 32;
inline constexpr std::uint32_t kMostNotes = 1000;
inline constexpr std::uint32_t kMostWalks = 500;
extern constinit std::array<Set, kSets> sets;
extern constinit std::uint32_t walks;

inline Set& set_of(std::uintptr_t address) noexcept { return sets[address * 0x9e3779b97f4a7c15ULL >> 59U]; }

}  // namespace detail

// Whether note() of that lock would do anything.
[[gnu::always_inline]] inline bool is_noted(const volatile void* lock) noexcept {
  return detail::set_of(reinterpret_cast<std::uintptr_t>(lock)).notes < detail::kMostNotes;
}

// The thread has locked it, called from there.
void note(const volatile void* lock, Sort sort, CalledFrom from) noexcept;
// It is about to unlock it.
[[gnu::always_inline]] inline void forget(const volatile void* lock) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(lock);
  for (Place& place : detail::set_of(address).places) {
    if (place.address == address) place.address = 0;
  }
}

// What is noted of that lock becomes known of it: this thread has it, and where it took it.
void recall(const volatile void* lock) noexcept;
// The same of all locks: the second thread is about to begin.
void recall_all() noexcept;

}  // namespace vigil::shim::locks::alone
