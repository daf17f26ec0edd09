// The remedy: a wait group waits for them.
#include <vigil/vigil.hpp>

#include <cstdint>
#include <cstdio>

namespace {

std::uint64_t total(std::uint64_t year) {
  std::uint64_t sum = year;
  for (std::uint64_t day = 0; day < 2'000'000; ++day) sum = sum * 6364136223846793005U + day;
  return sum;
}

}  // namespace

int main() {
  vigil::Channel<std::uint64_t> totals(2);
  vigil::WaitGroup years;
  for (std::uint64_t year = 2020; year < 2022; ++year) {
    years.go([=] { totals.send(total(year)); });
  }
  std::printf("computing\n");
  years.wait();
  std::printf("%llu\n", static_cast<unsigned long long>(totals.receive_or_zero() ^ totals.receive_or_zero()));
}
