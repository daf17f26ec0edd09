// The remedy: break the ring. One stage begins by sending, and what it waits for comes round to it.
#include <vigil/vigil.hpp>

#include <array>
#include <cstddef>
#include <cstdio>

using vigil::Channel;

namespace {

void stage(const char* name, Channel<int> before, Channel<int> after) {
  const int token = before.receive_or_zero();
  std::printf("%s has token %d\n", name, token);
  after.send(token + 1);
}

void first_stage(const char* name, Channel<int> before, Channel<int> after) {
  after.send(1);
  std::printf("%s got token %d back\n", name, before.receive_or_zero());
}

}  // namespace

int main() {
  const std::array<Channel<int>, 3> links{Channel<int>(1), Channel<int>(1), Channel<int>(1)};
  vigil::WaitGroup stages;
  stages.go([&] { first_stage("parse", links[0], links[1]); });
  stages.go([&] { stage("check", links[1], links[2]); });
  stages.go([&] { stage("store", links[2], links[0]); });
  stages.wait();
}
