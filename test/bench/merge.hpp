// What mergesort does in one task, the same for vigil and the peers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace workloads {

// n ints of a linear congruential sequence.
inline std::vector<int> unsorted(std::int64_t n) {
  std::vector<int> values(static_cast<std::size_t>(n));
  std::uint32_t x = 12345;
  for (int& value : values) {
    x = x * 1664525U + 1013904223U;
    value = static_cast<int>(x >> 8U);
  }
  return values;
}

// Copies both sorted halves of `values` to `scratch` and merges them back.
inline void merge_halves(std::span<int> values, std::span<int> scratch) {
  const std::size_t middle = values.size() / 2;
  for (std::size_t i = 0; i < values.size(); ++i) scratch[i] = values[i];
  std::size_t left = 0;
  std::size_t right = middle;
  for (int& out : values) {
    const bool take_left = right == values.size() || (left < middle && scratch[left] <= scratch[right]);
    out = take_left ? scratch[left++] : scratch[right++];
  }
}

}  // namespace workloads
