// Each task has its own copy of the number of its part.
#include <vigil/vigil.hpp>

#include <array>
#include <atomic>
#include <cstdio>

int main() {
  std::array<std::atomic<int>, 4> visits{};
  vigil::WaitGroup parts;
  for (std::size_t part = 0; part < 3; ++part) {
    parts.go([&, part] { ++visits.at(part); });
  }
  parts.wait();
  std::printf("all parts started\n");
}
