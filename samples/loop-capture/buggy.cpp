// Each task is meant to work on its own part, but all look at the one loop variable, which goes on meanwhile.
#include <vigil/vigil.hpp>

#include <array>
#include <atomic>
#include <cstdio>

int main() {
  std::array<std::atomic<int>, 4> visits{};
  vigil::WaitGroup parts;
  std::size_t part = 0;
  for (; part < 3; ++part) {
    parts.go([&] { ++visits.at(part); });
  }
  parts.wait();
  std::printf("all parts started\n");
}
