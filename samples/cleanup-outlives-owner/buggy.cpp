// A request leaves its clean-up to a task of its own and does not wait for it. The task notes the request's name when
// the request is over, and by then the request is gone.
#include <vigil/vigil.hpp>

#include <cstdio>

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
    auto* const request = new Request{.id = 7, .bytes_sent = 512};
    cleaners.go([=] {
      (void)over.receive();
      clean_up(*request);
    });
    delete request;
  }
  over.close();
  cleaners.wait();
}
