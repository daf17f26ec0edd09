// A leak five calls deep, under templates and a lambda, with locals around every call.
// The functions are kept apart so that each one's frame can be asked for.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace mail {

[[gnu::noinline]] std::string read_line(const vigil::Channel<std::string>& wire) {
  std::string line = wire.receive_or_zero();  // frame: waits
  line += '\n';
  return line;
}

template <class Sink>
[[gnu::noinline]] std::size_t read_message(const vigil::Channel<std::string>& wire, Sink&& sink) {
  std::size_t bytes = 0;
  for (int i = 0; i < 3; ++i) {
    const std::string line = read_line(wire);  // frame: reads
    bytes += line.size();
    sink(line);
  }
  return bytes;
}

class Session {
 public:
  explicit Session(vigil::Channel<std::string> wire) : wire_(std::move(wire)) {}
  [[gnu::noinline]] void serve() {
    std::vector<std::string> lines;
    const std::size_t bytes =
        read_message(wire_, [&](const std::string& line) { lines.push_back(line); });  // frame: serves
    std::printf("%zu bytes in %zu lines\n", bytes, lines.size());
  }

 private:
  vigil::Channel<std::string> wire_;
};

[[gnu::noinline]] void accept(const vigil::Channel<std::string>& wire) {
  vigil::go([wire] {  // frame: created
    Session session(wire);
    session.serve();  // frame: task
    std::printf("session ended\n");
  });
  std::printf("accepted\n");
}

}  // namespace mail

int main() {
  const vigil::Channel<std::string> wire(0);  // frame: channel
  mail::accept(wire);                         // frame: accepts
  wire.send("EHLO");
  std::printf("sent\n");
}
