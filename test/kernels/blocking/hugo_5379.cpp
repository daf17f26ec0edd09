// hugo#5379: a page counts its words once, in a task that holds a lock while it counts the words of the same page. The
// outer count gives up after a millisecond; then each of the two waits for what the other has.
// Fix: the nested count takes no lock.
//
// expect: deadlock
// may: double-lock
// schedule: every
#include <functional>

#include "test/kernels/kernel.hpp"

namespace kernels::hugo_5379 {
namespace {

struct Page {
  Mutex lock;
  Once content;
  Once plain;
  std::function<void()> renderer;

  void count_words(Form form) {
    content.call([&] {  // maybe here
      const auto [context, cancel] = vigil::with_timeout(vigil::background(), 1ms);
      const Channel<Unit> counted(1);
      vigil::go([this, form, counted] {
        std::unique_lock nested(lock, std::defer_lock);
        if (form == Form::Buggy) nested.lock();
        renderer();  // counts the words of this very page
        counted.send({});
      });
      vigil::select(on_receive(context.done()), on_receive(counted));
      cancel();
    });
    plain.call([&] {                      // here
      const std::scoped_lock held(lock);  // here
    });
  }
};

void run(Form form) {
  const auto page = std::make_shared<Page>();
  page->renderer = [raw = page.get(), form] { raw->count_words(form); };
  WaitGroup workers;
  for (int i = 0; i < 2; ++i) workers.go([page, form] { page->count_words(form); });
  workers.wait();                                                                 // here
  while (form == Form::Fixed && vigil::task_count() != 0) vigil::sleep_for(1ms);  // the nested count uses the page
}

const Kernel kKernel("hugo#5379", run);

}  // namespace
}  // namespace kernels::hugo_5379
