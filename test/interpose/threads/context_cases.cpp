// Programs whose contexts nobody ends. lost: the last cancel function of one went uncalled, and a task lives on with
// it. clean: somebody, or time, can still end it, or nobody lives on with it that should have been ended.
#include <chrono>
#include <functional>
#include <optional>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/cases.hpp"

namespace {

using namespace vigil::test;
using namespace std::chrono_literals;
using vigil::Channel;
using vigil::Context;
using vigil::Unit;

// Works on until its context is done, whenever that is, and says when it has begun.
void poll(const Context& ctx, const Channel<int>& begun) {
  begun.send(1);
  while (!ctx.err()) vigil::sleep_for(1ms);
}
// The same, waiting with a time limit again and again.
void wait_by_turns(const Context& ctx, const Channel<int>& begun) {
  begun.send(1);
  bool done = false;
  while (!done) {
    vigil::select(vigil::on_receive(ctx.done(), [&](std::optional<Unit>) { done = true; }), vigil::on_timeout(1ms));
  }
}
void start(const Context& ctx, void (*body)(const Context&, const Channel<int>&) = poll) {
  const Channel<int> begun(0);
  vigil::go(ctx, body, begun);
  (void)begun.receive();
}

// ---- lost -----------------------------------------------------------------------------------------------------------

void lost_below_one_that_polls() { start(vigil::with_cancel(vigil::background()).ctx); }
void lost_below_one_that_waits_by_turns() { start(vigil::with_cancel(vigil::background()).ctx, wait_by_turns); }
void lost_with_a_cause() { start(vigil::with_cancel_cause(vigil::background()).ctx); }
void lost_under_a_value() { start(vigil::with_value(vigil::with_cancel(vigil::background()).ctx, 1, 2)); }
void lost_in_a_closure() {
  const Channel<int> begun(0);
  vigil::go([ctx = vigil::with_cancel(vigil::background()).ctx, begun] { poll(ctx, begun); });
  (void)begun.receive();
}
void lost_by_the_last_of_its_copies() {
  std::function<void()> copy;
  {
    const auto made = vigil::with_cancel(vigil::background());
    start(made.ctx);
    copy = made.cancel;
  }
  const Channel<int> gone(0);
  vigil::go([gone, cancel = std::move(copy)] { gone.send(1); });
  (void)gone.receive();
}
void lost_with_its_parent() {
  const Context parent = vigil::with_cancel(vigil::background()).ctx;
  start(vigil::with_cancel(parent).ctx);
}
void lost_below_one_that_outlives_its_parents_end() {
  const auto parent = vigil::with_cancel(vigil::background());
  start(vigil::with_cancel(vigil::without_cancel(parent.ctx)).ctx);
  parent.cancel();
}
// Who waits for ever is a leak, and no second finding is made of its context.
void leak_of_one_that_waits_for_a_lost_one() {
  start(vigil::with_cancel(vigil::background()).ctx, [](const Context& ctx, const Channel<int>& begun) {
    begun.send(1);
    (void)ctx.done().receive();
  });
}

// ---- clean ----------------------------------------------------------------------------------------------------------

std::function<void()> kept_function;
void clean_function_is_kept() {
  const auto made = vigil::with_cancel(vigil::background());
  kept_function = made.cancel;
  start(made.ctx);
}
void clean_function_is_in_the_heap() {
  static const auto* const made = new vigil::CancelContext(vigil::with_cancel(vigil::background()));
  start(made->ctx);
}
void clean_function_is_another_tasks() {
  const auto made = vigil::with_cancel(vigil::background());
  start(made.ctx);
  vigil::daemon([cancel = made.cancel] { vigil::sleep_for(1h); });
}
void clean_parent_can_be_cancelled() {
  static const auto* const parent = new vigil::CancelContext(vigil::with_cancel(vigil::background()));
  start(vigil::with_cancel(vigil::with_value(parent->ctx, 1, 2)).ctx);
}
void clean_it_has_a_deadline() { start(vigil::with_timeout(vigil::background(), 1h).ctx); }
void clean_its_parent_has_a_deadline() {
  const Context parent = vigil::with_timeout(vigil::background(), 1h).ctx;
  start(vigil::with_cancel(parent).ctx);
}
void clean_who_lives_on_is_a_daemon() {
  const Context ctx = vigil::with_cancel(vigil::background()).ctx;
  const Channel<int> begun(0);
  vigil::daemon([ctx, begun] { poll(ctx, begun); });
  (void)begun.receive();
}
// As a deferred cancel does, at main's end.
void clean_cancelled_at_the_end() {
  struct Deferred {
    vigil::CancelFunction cancel;
    ~Deferred() { cancel(); }
  };
  const auto made = vigil::with_cancel(vigil::background());
  const Deferred deferred{made.cancel};
  start(made.ctx);
  start(made.ctx, wait_by_turns);
}
// It was started by one that was started with the context, and has nothing to do with that itself.
Context kept_context;
void clean_task_that_was_not_given_it() {
  kept_context = vigil::with_cancel(vigil::background()).ctx;
  const Channel<int> begun(0);
  vigil::go(
      kept_context,
      [](const Channel<int>& started) {
        vigil::go([started] {
          started.send(1);
          while (true) vigil::sleep_for(1ms);
        });
      },
      begun);
  (void)begun.receive();
}
void clean_group_waits_for_its_tasks() {
  vigil::ErrorGroup group(vigil::background());
  for (int i = 0; i < 3; ++i) {
    group.go([] { vigil::sleep_for(1ms); });
  }
  group.wait();
}

// It serves on while the program ends: at every moment there are tasks whose context has just been cancelled, and that
// will see it when they wake.
void clean_daemon_cancels_its_tasks_while_the_program_ends() {
  const Channel<int> served(0);
  vigil::daemon([served] {
    for (int round = 0;; ++round) {
      const auto made = vigil::with_cancel(vigil::background());
      for (int i = 0; i < 10; ++i) {
        vigil::go(made.ctx, [](const Context& ctx) {
          while (!ctx.err()) vigil::sleep_for(3ms);
        });
      }
      vigil::sleep_for(1ms);
      made.cancel();
      if (round == 10) served.send(1);
    }
  });
  (void)served.receive();
}

// Time ends these waits, though the program ends before.
void clean_tasks_wait_for_what_has_a_deadline() {
  const auto made = vigil::with_timeout(vigil::background(), 1h);
  const auto below = vigil::with_cancel(vigil::with_value(made.ctx, 1, 2));
  vigil::go([ctx = made.ctx] { (void)ctx.done().receive(); });
  vigil::go([ctx = below.ctx] {
    const Channel<int> silent(0);
    vigil::select(vigil::on_receive(silent, [](auto) {}), vigil::on_receive(ctx.done(), [](auto) {}));
  });
  vigil::sleep_for(10ms);
}
void leak_of_one_whose_parents_deadline_does_not_count() {
  const auto parent = vigil::with_timeout(vigil::background(), 1h);
  const auto made = vigil::with_cancel(vigil::without_cancel(parent.ctx));
  vigil::go([ctx = made.ctx] { (void)ctx.done().receive(); });
  vigil::sleep_for(10ms);
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_tasks_wait_for_what_has_a_deadline),
    VIGIL_CASE(leak_of_one_whose_parents_deadline_does_not_count),
    VIGIL_CASE(lost_below_one_that_polls),
    VIGIL_CASE(lost_below_one_that_waits_by_turns),
    VIGIL_CASE(lost_with_a_cause),
    VIGIL_CASE(lost_under_a_value),
    VIGIL_CASE(lost_in_a_closure),
    VIGIL_CASE(lost_by_the_last_of_its_copies),
    VIGIL_CASE(lost_with_its_parent),
    VIGIL_CASE(lost_below_one_that_outlives_its_parents_end),
    VIGIL_CASE(leak_of_one_that_waits_for_a_lost_one),
    VIGIL_CASE(clean_function_is_kept),
    VIGIL_CASE(clean_function_is_in_the_heap),
    VIGIL_CASE(clean_function_is_another_tasks),
    VIGIL_CASE(clean_parent_can_be_cancelled),
    VIGIL_CASE(clean_it_has_a_deadline),
    VIGIL_CASE(clean_its_parent_has_a_deadline),
    VIGIL_CASE(clean_who_lives_on_is_a_daemon),
    VIGIL_CASE(clean_cancelled_at_the_end),
    VIGIL_CASE(clean_task_that_was_not_given_it),
    VIGIL_CASE(clean_group_waits_for_its_tasks),
    VIGIL_CASE(clean_daemon_cancels_its_tasks_while_the_program_ends),
};

}  // namespace

int main(int argc, char** argv) { return run_case({kCases}, argc, argv); }
