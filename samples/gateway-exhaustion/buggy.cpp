// A payment gateway with four connections. Each payment takes one and starts a consumer that gives it back when the
// results are read to their end. The results channel is never closed, so there is no end: consumers pile up, each with
// a connection in its hands, until the fifth customer is sent away.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

using vigil::Channel;
using namespace std::chrono_literals;

namespace {

struct Connection {
  int number = 0;
};

class Gateway {
 public:
  explicit Gateway(int connections) : idle_(static_cast<std::size_t>(connections)) {
    for (int number = 1; number <= connections; ++number) idle_.send(Connection{number});
  }

  bool pay(int cents) {
    std::optional<Connection> connection;
    vigil::select(vigil::on_receive(idle_, [&](std::optional<Connection> free) { connection = free; }),
                  vigil::on_timeout(250ms, [] {}));
    if (!connection) return false;
    Channel<std::string> results(0);
    vigil::go(consume, results, idle_, *connection);
    results.send("authorised " + std::to_string(cents));
    results.send("captured " + std::to_string(cents));
    return true;
  }

 private:
  static void consume(Channel<std::string> results, Channel<Connection> idle, Connection connection) {
    for (const std::string& result : results) std::puts(result.c_str());
    idle.send(connection);
  }

  Channel<Connection> idle_;
};

}  // namespace

int main() {
  Gateway gateway(4);
  for (int customer = 1; customer <= 5; ++customer) {
    if (!gateway.pay(100 * customer)) std::printf("customer %d: no connection left\n", customer);
  }
}
