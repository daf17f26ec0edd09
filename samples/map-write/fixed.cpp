// Crawlers put what they fetched into one map, one at a time.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace {

std::string fetch(int page) {
  vigil::sleep_for(std::chrono::milliseconds(page));  // the farther, the longer
  return "page " + std::to_string(page);
}

}  // namespace

int main() {
  std::unordered_map<int, std::string> fetched;
  vigil::Mutex inserting;
  vigil::WaitGroup crawlers;
  for (int page = 1; page <= 3; ++page) {
    crawlers.go([&, page] {
      std::string text = fetch(page);
      const std::scoped_lock held(inserting);
      fetched.emplace(page, std::move(text));
    });
  }
  crawlers.wait();
  std::printf("fetched: %s\n", fetched.empty() ? "nothing" : "something");
}
