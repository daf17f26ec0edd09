// cockroach#13197: a transaction's task waits for the end of its context; who began the transaction forgets to end it.
// Fix: roll it back, which cancels.
//
// expect: task-leak
// may: context-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_13197 {
namespace {

struct Transaction {
  vigil::CancelContext context;

  static std::shared_ptr<Transaction> begin() {
    const auto made = std::make_shared<Transaction>(Transaction{vigil::with_cancel(vigil::background())});
    vigil::go([context = made->context.ctx] {
      (void)context.done().receive();  // here
    });
    return made;
  }
  void roll_back() const { context.cancel(); }
};

void run(Form form) {
  const auto transaction = Transaction::begin();
  if (form == Form::Fixed) transaction->roll_back();
}

const Kernel kKernel("cockroach#13197", run);

}  // namespace
}  // namespace kernels::cockroach_13197
