// Crawlers put what they fetched into one map. Each insertion changes what the others' insertions walk through.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <unordered_map>

namespace {

std::string fetch(int page) {
  vigil::sleep_for(std::chrono::milliseconds(page));  // the farther, the longer
  return "page " + std::to_string(page);
}

}  // namespace

int main() {
  std::unordered_map<int, std::string> fetched;
  vigil::WaitGroup crawlers;
  for (int page = 1; page <= 3; ++page) {
    crawlers.go([&, page] { fetched.emplace(page, fetch(page)); });
  }
  crawlers.wait();
  std::printf("fetched: %s\n", fetched.empty() ? "nothing" : "something");
}
