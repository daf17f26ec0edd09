// main waits for an answer with a select that has a default, in a loop: it turns a core round and round until the
// answer is there.
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
    vigil::sleep_for(100ms);
    answers.send(42);
  });
  std::optional<int> answer;
  while (!answer) {
    vigil::select(vigil::on_receive(answers, [&](std::optional<int> value) { answer = value; }),
                  vigil::otherwise([] {}));
  }
  std::printf("%d\n", *answer);
  server.wait();
}
