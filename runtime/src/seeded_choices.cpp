// Priorities follow Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with Probabilistic
// Guarantees of Finding Bugs", ASPLOS 2010. They fix the number of steps at which a priority drops in advance; we do
// not know how long a program runs, so it may drop at any step, with a probability that the seed draws. Without that,
// and without dropping at a yield, an actor that polls would starve the one it waits for.
#include "runtime/src/seeded_choices.hpp"

namespace vigil::detail {
namespace {

constexpr std::uint32_t kStickyFor = 16;  // steps, on average

// splitmix64, Steele, Lea and Flood 2014.
constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

}  // namespace

std::uint64_t SeededChoices::random() noexcept {
  state_ += 0x9E3779B97F4A7C15U;
  return mixed(state_);
}

std::size_t SeededChoices::below_size(std::size_t bound) noexcept {
  return static_cast<std::size_t>(((random() >> 32) * bound) >> 32);
}

std::uint32_t SeededChoices::below(std::uint32_t bound) noexcept {
  return static_cast<std::uint32_t>(below_size(bound));
}

void SeededChoices::start(std::uint64_t seed, std::uint64_t first_task) noexcept {
  state_ = mixed(seed + 0x9E3779B97F4A7C15U);
  salt_ = random();
  first_task_ = first_task;
  steps_ = 0;
  demoted_ = {};
  next_demoted_ = 0;
  constexpr std::array kWays{Way::Uniform, Way::Sticky, Way::Priority, Way::Priority};
  way_ = kWays[below_size(kWays.size())];
  demote_one_in_ = 4U << below_size(5);  // 4 .. 64 steps
}

std::uint64_t SeededChoices::numbered(ChoiceKey key) const noexcept {
  const auto raw = static_cast<std::uint64_t>(key);
  return is_thread(key) ? raw : raw - first_task_ + 1;
}

std::uint64_t SeededChoices::priority(std::uint64_t key) const noexcept {
  constexpr std::uint64_t kNeverDemoted = std::uint64_t{1} << 63;
  for (const Demoted& one : demoted_)
    if (one.key == key) return kNeverDemoted - one.at;
  return kNeverDemoted | mixed(key ^ salt_);
}

void SeededChoices::demote(std::uint64_t key) noexcept {
  for (Demoted& one : demoted_) {
    if (one.key != key) continue;
    one.at = steps_;
    return;
  }
  demoted_[next_demoted_++ % demoted_.size()] = {key, steps_};
}

std::size_t SeededChoices::highest(const Step& step) noexcept {
  std::size_t best = 0;
  std::uint64_t best_priority = 0;
  for (std::size_t i = 0; i < step.who.size(); ++i) {
    const std::uint64_t own = priority(numbered(step.who[i]));
    if (own <= best_priority) continue;
    best = i;
    best_priority = own;
  }
  return best;
}

std::size_t SeededChoices::next(const Step& step) noexcept {
  ++steps_;
  switch (way_) {
    case Way::Uniform:
      break;
    case Way::Sticky:
      if (step.first_runs && !step.yields && below(kStickyFor) != 0) return 0;
      break;
    case Way::Priority: {
      const std::size_t best = highest(step);
      if (!(step.yields && best == 0) && below(demote_one_in_) != 0) return best;
      demote(numbered(step.who[best]));
      return highest(step);
    }
  }
  return below_size(step.who.size());
}

}  // namespace vigil::detail
