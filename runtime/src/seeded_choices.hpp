// SeededChoices: a schedule drawn from a seed. The seed also draws how: which orders a bug needs is not known, and no
// one way of walking finds them all.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/src/choice.hpp"

namespace vigil::detail {

class SeededChoices final : public ChoiceSource {
 public:
  constexpr SeededChoices() noexcept = default;
  // Tasks are told apart by their number from first_task on, so that the same program at the same seed makes the same
  // choices whatever ran before.
  void start(std::uint64_t seed, std::uint64_t first_task) noexcept;

  std::size_t next(const Step& step) noexcept override;
  std::uint32_t below(std::uint32_t bound) noexcept override;

 private:
  enum class Way : std::uint8_t {
    Uniform,   // anybody, at every step
    Sticky,    // who runs goes on, but for one step in sixteen: long stretches, few switches
    Priority,  // who has the highest of random priorities, and now and then loses it
  };
  struct Demoted {
    std::uint64_t key = 0;  // 0: free
    std::uint64_t at = 0;   // when, in steps: the later the lower
  };

  std::uint64_t random() noexcept;
  [[nodiscard]] std::size_t below_size(std::size_t bound) noexcept;
  [[nodiscard]] std::size_t highest(const Step& step) noexcept;
  [[nodiscard]] std::uint64_t priority(std::uint64_t key) const noexcept;
  [[nodiscard]] std::uint64_t numbered(ChoiceKey key) const noexcept;
  void demote(std::uint64_t key) noexcept;

  std::uint64_t state_ = 1;
  std::uint64_t salt_ = 0;
  std::uint64_t first_task_ = 1;
  std::uint64_t steps_ = 0;
  std::uint32_t demote_one_in_ = 0;
  Way way_ = Way::Uniform;
  std::array<Demoted, 32> demoted_{};
  std::size_t next_demoted_ = 0;
};

}  // namespace vigil::detail
