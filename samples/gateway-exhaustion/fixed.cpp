// The remedy: the sender's side closes the results on every way out of pay(), the consumer's loop ends, and the
// connection comes back.
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

// Closes a channel when its scope ends, however it ends.
template <class T>
class ClosedAtEnd {
 public:
  explicit ClosedAtEnd(Channel<T> channel) : channel_(channel) {}
  ~ClosedAtEnd() { channel_.close(); }
  ClosedAtEnd(const ClosedAtEnd&) = delete;
  ClosedAtEnd& operator=(const ClosedAtEnd&) = delete;

 private:
  Channel<T> channel_;
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
    const ClosedAtEnd<std::string> closes(results);
    consumers_.go([=, idle = idle_, mine = *connection] { consume(results, idle, mine); });
    results.send("authorised " + std::to_string(cents));
    results.send("captured " + std::to_string(cents));
    return true;
  }

  void shut_down() { consumers_.wait(); }

 private:
  static void consume(Channel<std::string> results, Channel<Connection> idle, Connection connection) {
    for (const std::string& result : results) std::puts(result.c_str());
    idle.send(connection);
  }

  Channel<Connection> idle_;
  vigil::WaitGroup consumers_;
};

}  // namespace

int main() {
  Gateway gateway(4);
  for (int customer = 1; customer <= 5; ++customer) {
    if (!gateway.pay(100 * customer)) std::printf("customer %d: no connection left\n", customer);
  }
  gateway.shut_down();
}
