// The remedy: without a default the select blocks until the answer is there, and the core is free for others.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <optional>

using vigil::Channel;
using namespace std::chrono_literals;

int main() {
  Channel<int> answers(0);
  vigil::WaitGroup server;
  server.go([=] {
    vigil::sleep_for(20ms);
    answers.send(42);
  });
  std::optional<int> answer;
  while (!answer) {
    vigil::select(vigil::on_receive(answers, [&](std::optional<int> value) { answer = value; }),
                  vigil::on_timeout(1s, [] { std::printf("still waiting\n"); }));
  }
  std::printf("%d\n", *answer);
  server.wait();
}
