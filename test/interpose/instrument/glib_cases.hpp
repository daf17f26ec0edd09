// What the cases of GLib have in common, and those that are in a file of their own.
#pragma once

#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <span>
#include <thread>
#include <vector>

#include "test/interpose/threads/cases.hpp"

namespace vigil::test {

constexpr int kTimes = 300;

inline void demand(bool holds) {
  if (!holds) std::abort();
}
inline void together(std::initializer_list<std::function<void()>> all) {
  std::vector<std::thread> threads;
  for (const auto& one : all) threads.emplace_back(one);
  for (std::thread& one : threads) one.join();
}

std::span<const Case> glib_object_cases();

}  // namespace vigil::test
