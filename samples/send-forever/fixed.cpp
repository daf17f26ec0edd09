// The remedy: room for the one answer there will be. The send never blocks, whether or not anybody still wants it.
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

std::string ask(vigil::WaitGroup& queries, Channel<Unit> server_answers) {
  Channel<std::string> answer(1);
  queries.go([=] {
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
  vigil::WaitGroup queries;
  Channel<Unit> server_answers(0);
  std::printf("%s\n", ask(queries, server_answers).c_str());
  server_answers.close();  // the server does answer, too late
  queries.wait();
}
