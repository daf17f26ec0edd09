// The remedy: the body is closed on every path, by a guard.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <string>

using vigil::Channel;
using vigil::Unit;

namespace {

struct Response {
  int status = 0;
  Channel<std::string> body{0};
  Channel<Unit> closed{0};
};

Response get(int status, vigil::WaitGroup& loops) {
  Response response{.status = status};
  loops.go([=] {
    bool open = true;
    while (open) {
      vigil::select(vigil::on_send(response.body, "some bytes", [] {}),
                    vigil::on_receive(response.closed, [&](auto) { open = false; }));
    }
  });
  return response;
}

void check(int status, vigil::WaitGroup& loops) {
  const Response response = get(status, loops);
  struct Closed {
    const Channel<Unit>& channel;
    ~Closed() { channel.close(); }
  } const at_end{response.closed};
  if (response.status != 200) {
    std::printf("failed with %d\n", response.status);
    return;
  }
  std::printf("%s\n", response.body.receive()->c_str());
}

}  // namespace

int main() {
  vigil::WaitGroup loops;
  check(200, loops);
  check(404, loops);
  loops.wait();
}
