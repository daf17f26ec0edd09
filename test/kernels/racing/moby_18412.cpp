// moby#18412: a command runs with a time limit. When the time is over it is killed, and its output and status are read
// although the one who collects them is still at work; he also has nobody left to tell that he is done.
// Fix: wait for the collector after the kill.
//
// expect: data-race task-leak
// schedule: some
#include <atomic>
#include <vector>

#include "test/kernels/kernel.hpp"

namespace kernels::moby_18412 {
namespace {

struct Command {
  std::vector<char> output;
  int exit_code = -1;
  std::atomic<bool> killed{false};

  void copy_output() {  // what the runtime does for a child process
    for (int piece = 0; piece < 50 && !killed.load(); ++piece) {
      output.push_back('x');  // here
      vigil::sleep_for(100us);
    }
  }
};

void run(Form form) {
  auto* const command = kept<Command>();
  const Channel<Unit> copied(0);
  const Channel<Unit> done(0);
  vigil::go([=] {
    command->copy_output();
    copied.close();
  });
  vigil::go([=] {
    (void)copied.receive();
    command->exit_code = 0;  // here
    done.send({});           // here
  });
  vigil::select(on_receive(done), on_timeout(1ms, [&] {
                  command->killed.store(true);
                  if (form == Form::Fixed) (void)done.receive();
                }));
  const auto length = command->output.size();  // here
  const int status = command->exit_code;       // here
  (void)(length + static_cast<std::size_t>(status));
}

const Kernel kKernel("moby#18412", run);

}  // namespace
}  // namespace kernels::moby_18412
