// A request waits for its clean-up before it goes.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <memory>

namespace {

struct Request {
  int id = 0;
  int bytes_sent = 0;
};

void clean_up(const Request& request) { std::printf("request %s\n", request.bytes_sent >= 0 ? "done" : "lost"); }

}  // namespace

int main() {
  vigil::Channel<vigil::Unit> over(0);
  vigil::WaitGroup cleaners;
  {
    const auto request = std::make_unique<Request>(Request{.id = 7, .bytes_sent = 512});
    cleaners.go([=, &request] {
      (void)over.receive();
      clean_up(*request);
    });
    over.close();
    cleaners.wait();
  }
}
