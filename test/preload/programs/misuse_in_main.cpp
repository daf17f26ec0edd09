// main itself sends on a closed channel and does not catch what that throws.
#include <vigil/vigil.hpp>

#include <cstdio>

namespace {

[[gnu::noinline]] void shut(const vigil::Channel<int>& channel) {
  channel.close();  // frame: close
  std::puts("shut");
}

[[gnu::noinline]] void say(const vigil::Channel<int>& channel) {
  channel.send(1);  // frame: send
  std::puts("said");
}

}  // namespace

int main() {
  const vigil::Channel<int> channel(1);
  shut(channel);
  std::fflush(stdout);
  say(channel);
}
