// Three stages in a ring hand a token on: each receives from the one before it and then sends to the next. All of them
// begin by receiving, so no token is ever there.
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

}  // namespace

int main() {
  const std::array<Channel<int>, 3> links{Channel<int>(1), Channel<int>(1), Channel<int>(1)};
  vigil::WaitGroup stages;
  stages.go([&] { stage("parse", links[0], links[1]); });
  stages.go([&] { stage("check", links[1], links[2]); });
  stages.go([&] { stage("store", links[2], links[0]); });
  stages.wait();
}
