#include "vigil/selector.hpp"

#include <algorithm>

#include "vigil/panic.hpp"

namespace vigil {

void Selector::demand_no_default() const {
  if (std::ranges::any_of(cases_, [](const auto& each) { return each->kind == Kind::Otherwise; }))
    throw Panic("multiple defaults in select");
}

std::size_t Selector::select_outlined() {
  std::vector<detail::SelectCase> offers;
  offers.reserve(cases_.size());
  std::vector<std::size_t> numbers;  // of each offer among the cases
  numbers.reserve(cases_.size());
  std::size_t timeout = 0;
  std::size_t otherwise = 0;
  bool has_default = false;
  std::int64_t timeout_ns = detail::kNoTimeout;
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    Case& each = *cases_[i];
    switch (each.kind) {
      case Kind::Channel:
        offers.push_back(each.offer());
        numbers.push_back(i);
        break;
      case Kind::Timeout:
        if (timeout_ns != detail::kNoTimeout && timeout_ns <= each.timeout_ns) break;
        timeout_ns = each.timeout_ns;
        timeout = i;
        break;
      case Kind::Otherwise:
        has_default = true;
        otherwise = i;
        break;
    }
  }
  const detail::SelectOutcome outcome = detail::select_channels(offers.data(), offers.size(), has_default, timeout_ns);
  std::size_t chosen = otherwise;
  if (outcome.kind == detail::SelectOutcome::Kind::Channel) chosen = numbers[outcome.taken];
  if (outcome.kind == detail::SelectOutcome::Kind::TimedOut) chosen = timeout;
  const std::shared_ptr<Case> taken = cases_[chosen];  // its handler may clear() all
  taken->taken(outcome.received);
  return chosen;
}

}  // namespace vigil
