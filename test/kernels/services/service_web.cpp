// service#web: a server answers each request from a slow store, under a deadline that some requests outlive. What the
// store answers too late has nobody to take it.
// Fix: room for one answer.
//
// expect: task-leak
// schedule: some
#include <string>
#include <vector>

#include "test/kernels/kernel.hpp"

namespace kernels::service_web {
namespace {

struct Request {
  int id = 0;
  Channel<std::string> answer{1};
};

std::string look_up(int id) {
  vigil::sleep_for(id % 4 == 0 ? 20ms : 50us);
  return "row " + std::to_string(id);
}

std::string serve(const Context& server, int id, Form form) {
  const auto request = vigil::with_timeout(server, 2ms);
  const Channel<std::string> row(form == Form::Buggy ? 0 : 1);
  vigil::go([=] {
    row.send(look_up(id));  // here
  });
  std::string answer = "504";
  vigil::select(on_receive(row, [&](std::optional<std::string> found) { answer = *found; }),
                on_receive(request.ctx.done()));
  request.cancel();
  return answer;
}

void run(Form form) {
  const auto server = vigil::with_cancel(vigil::background());
  const Channel<Request> requests(0);
  WaitGroup workers;
  for (int worker = 0; worker < 3; ++worker) {
    workers.go([=] {
      for (const Request& request : requests) request.answer.send(serve(server.ctx, request.id, form));
    });
  }
  [[maybe_unused]] int answered = 0;
  for (int id = 1; id <= 12; ++id) {
    const Request request{.id = id};
    requests.send(request);
    answered += request.answer.receive() ? 1 : 0;
  }
  requests.close();
  workers.wait();
  server.cancel();
}

const Kernel kKernel("service#web", run);

}  // namespace
}  // namespace kernels::service_web
