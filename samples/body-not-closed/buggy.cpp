// A client reads each response in a loop of its own, which ends when the body is closed. The caller looks at the status
// line of an error and returns without closing the body: the loop lives on.
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

Response get(int status) {
  Response response{.status = status};
  vigil::go([=] {
    bool open = true;
    while (open) {
      vigil::select(vigil::on_send(response.body, "some bytes", [] {}),
                    vigil::on_receive(response.closed, [&](auto) { open = false; }));
    }
  });
  return response;
}

void check(int status) {
  const Response response = get(status);
  if (response.status != 200) {
    std::printf("failed with %d\n", response.status);
    return;
  }
  std::printf("%s\n", response.body.receive()->c_str());
  response.closed.close();
}

}  // namespace

int main() {
  check(200);
  check(404);
}
