// ActorList: actors in no order, each to be taken out by its index. Its memory is mapped, not allocated: a wake-up may
// come from inside somebody's allocator.
#pragma once

#include <cstddef>
#include <span>

namespace vigil::detail {

struct Actor;

class ActorList {
 public:
  constexpr ActorList() noexcept = default;
  void add(Actor& actor) noexcept;
  // The last one takes its place.
  Actor& take(std::size_t index) noexcept;
  [[nodiscard]] std::span<Actor* const> all() const noexcept { return {actors_, count_}; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

 private:
  void grow() noexcept;

  Actor** actors_ = nullptr;
  std::size_t count_ = 0;
  std::size_t room_ = 0;
};

}  // namespace vigil::detail
