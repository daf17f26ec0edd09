// Three parts of a sum are computed by tasks, waited for, and added up.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <numeric>
#include <vector>

int main() {
  std::vector<int> results(3);
  vigil::WaitGroup parts;
  for (std::size_t part = 0; part < results.size(); ++part) {
    parts.go([&, part] { results[part] = static_cast<int>(part) + 1; });
  }
  parts.wait();
  const int sum = std::accumulate(results.begin(), results.end(), 0);
  std::printf("sum: %s\n", sum <= 6 ? "at most 6" : "more than 6");
}
