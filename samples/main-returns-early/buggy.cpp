// main starts the tasks that compute the totals and returns: the program ends under their hands.
#include <vigil/vigil.hpp>

#include <cstdint>
#include <cstdio>

namespace {

std::uint64_t total(std::uint64_t year) {
  std::uint64_t sum = year;
  for (std::uint64_t day = 0; day < 2'000'000'000; ++day) sum = sum * 6364136223846793005U + day;
  return sum;
}

}  // namespace

int main() {
  vigil::Channel<int> started(0);
  for (std::uint64_t year = 2020; year < 2022; ++year) {
    vigil::go([=] {
      if (year == 2020) started.send(1);
      std::printf("%llu\n", static_cast<unsigned long long>(total(year)));
    });
  }
  (void)started.receive();
  std::printf("computing\n");
}
