// serving#6171: a test's logger is used by tasks that live on after the test.
// Fix: wait for them in the test.
//
// expect: data-race
// may: task-exception
// schedule: some
#include <stdexcept>

#include "test/kernels/kernel.hpp"

namespace kernels::serving_6171 {
namespace {

struct Test {
  bool finished = false;

  void log() const {
    if (finished) throw std::runtime_error("log after the test has finished");  // here
  }
};

void body(Test* test, Form form) {
  auto* const watchers = kept<WaitGroup>();
  watchers->go([=] {
    const auto log = [test] { test->log(); };
    if (form == Form::Fixed)
      watchers->go(log);
    else
      vigil::go(log);
  });
  if (form == Form::Fixed) watchers->wait();
}

void run(Form form) {
  WaitGroup tests;
  tests.go([=] {
    auto* const test = kept<Test>();
    body(test, form);
    test->finished = true;  // here
  });
  tests.wait();
}

const Kernel kKernel("serving#6171", run);

}  // namespace
}  // namespace kernels::serving_6171
