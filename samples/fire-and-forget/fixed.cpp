// The remedy: at most eight reports are under way, and each gives up with its request's context.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;
using vigil::Unit;

namespace {

class Reporter {
 public:
  explicit Reporter(Channel<int> statistics) : statistics_(statistics) {}
  void report(int request, const vigil::Context& ctx) {
    if (!slots_.try_acquire(1)) return;  // enough are waiting; this one is not worth it
    tasks_.go([=, this] {
      vigil::select(vigil::on_send(statistics_, request, [] {}),
                    vigil::on_receive(ctx.done(), [](std::optional<Unit>) {}));
      slots_.release(1);
    });
  }
  void wait() { tasks_.wait(); }

 private:
  Channel<int> statistics_;
  vigil::Semaphore slots_{8};
  vigil::WaitGroup tasks_;
};

}  // namespace

int main() {
  Channel<int> statistics(0);
  Reporter reporter(statistics);
  for (int request = 0; request < 3000; ++request) {
    const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
    reporter.report(request, ctx);
    cancel();
  }
  reporter.wait();
  std::printf("3000 requests handled\n");
}
