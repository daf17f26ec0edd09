// A query runs in a task and sends its answer on an unbuffered channel. Whoever asked has given up by then: the send
// has no receiver and never will have one.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

using vigil::Channel;
using vigil::Unit;
using namespace std::chrono_literals;

namespace {

std::string ask(Channel<Unit> server_answers) {
  Channel<std::string> answer(0);
  vigil::go([=] {
    (void)server_answers.receive();
    answer.send("42");
  });
  std::string result = "no answer in time";
  vigil::select(
      vigil::on_receive(answer, [&](std::optional<std::string> text) { result = std::move(text).value_or(""); }),
      vigil::on_timeout(1ms, [] {}));
  return result;
}

}  // namespace

int main() {
  Channel<Unit> server_answers(0);
  std::printf("%s\n", ask(server_answers).c_str());
  server_answers.close();  // the server does answer, too late
}
