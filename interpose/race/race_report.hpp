// From a clash of two accesses to a finding.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "interpose/actor.hpp"
#include "interpose/race/slot_owners.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {

// The races that one access made, gathered while states may be looked at and told afterwards.
class FoundRaces {
 public:
  struct Pair {
    std::uintptr_t granule = 0;
    AccessRecord newer;
    AccessRecord older;
    SlotOwner
        older_owner{};  // asked while the shadow holds the record, for the collector forgets owners it leads to no more
    std::uintptr_t variable = 0;  // where the variable (known_variables.hpp) begins to which the newer was; 0: to none
  };
  static constexpr std::size_t kMost = 8;  // of one access: a copy over an array has the same race in every granule

  void add(std::uintptr_t address, const AccessRecord& newer, const Clashes& clashes) noexcept;
  // The newer access is one of that whole variable.
  void tell_of_variable(std::uintptr_t address, std::size_t size) noexcept;
  void clear() noexcept { count_ = 0; }
  [[nodiscard]] bool any() const noexcept { return count_ != 0; }
  [[nodiscard]] std::span<const Pair> pairs() const noexcept { return std::span(pairs_).first(count_); }

 private:
  std::array<Pair, kMost> pairs_{};
  std::size_t count_ = 0;
};

// For tests: sees the races instead of the record. Null: they are told.
using RaceListener = void (*)(const FoundRaces& found) noexcept;
void listen_to_races(RaceListener listener) noexcept;

// actor: who made the newer accesses, and runs here.
void report_races(const FoundRaces& found, Actor& actor) noexcept;

// At the end of the program: counts of races that were met again since they were told.
void tell_counted_races() noexcept;

}  // namespace vigil::shim::race
