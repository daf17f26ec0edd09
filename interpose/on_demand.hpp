// OnDemand: a part that most never need; made by its first use.
#pragma once

#include <utility>

#include "interpose/own_memory.hpp"

namespace vigil::shim {

template <class Part>
class OnDemand {
 public:
  constexpr OnDemand() noexcept = default;
  OnDemand(const OnDemand& other) noexcept : part_(other.part_ != nullptr ? own_new<Part>(*other.part_) : nullptr) {}
  OnDemand(OnDemand&& other) noexcept : part_(std::exchange(other.part_, nullptr)) {}
  OnDemand& operator=(OnDemand other) noexcept {
    std::swap(part_, other.part_);
    return *this;
  }
  ~OnDemand() { own_delete(part_); }
  [[nodiscard]] const Part* known() const noexcept { return part_; }
  [[nodiscard]] Part* known() noexcept { return part_; }
  Part& part() noexcept {
    if (part_ == nullptr) part_ = own_new<Part>();
    return *part_;
  }
  void clear() noexcept { own_delete(std::exchange(part_, nullptr)); }

 private:
  Part* part_ = nullptr;
};

}  // namespace vigil::shim
