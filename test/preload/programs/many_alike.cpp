// A thousand tasks leak in one place and three in another: two findings with counts.
#include <vigil/vigil.hpp>

#include <cstdio>

namespace {

[[gnu::noinline]] void wait_for_news(const vigil::Channel<int>& news) {
  (void)news.receive();  // frame: thousand
  std::puts("news");
}

[[gnu::noinline]] void tell(const vigil::Channel<int>& news) {
  news.send(1);  // frame: three
  std::puts("told");
}

}  // namespace

int main() {
  const vigil::Channel<int> silent(0);
  const vigil::Channel<int> deaf(0);
  for (int i = 0; i < 1000; ++i) {
    vigil::go([silent] {
      wait_for_news(silent);
      std::puts("never");
    });
  }
  for (int i = 0; i < 3; ++i) {
    vigil::go([deaf] {
      tell(deaf);
      std::puts("never");
    });
  }
}
