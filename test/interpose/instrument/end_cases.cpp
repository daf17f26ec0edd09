// Instrumented programs with tasks: who lets go of something last destroys it after all that others did with it, and
// only counts of holders say so, which libvigil.so keeps where nobody sees them. Nothing else orders the two here.
#include "test/interpose/instrument/end_cases.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <vigil/vigil.hpp>

namespace {

using namespace std::chrono_literals;

// Until every task has ended, which orders nothing; how long that takes does not matter.
void let_tasks_end() {
  while (vigil::task_count() != 0) vigil::sleep_for(1ms);
}
// A task uses something and says so by what orders nothing; it is polled, and how long that takes does not matter.
std::atomic<int> uses{0};
void use(const long& value) { uses.fetch_add(static_cast<int>(value), std::memory_order_relaxed); }
void await_uses(int count) {
  while (uses.load(std::memory_order_relaxed) < count) vigil::sleep_for(1ms);
  uses.store(0, std::memory_order_relaxed);
  let_tasks_end();
}

// Larger than what a std::function or a Job might keep in itself.
struct Value {
  explicit Value(long given) : number(given) {}
  long number;
  long more[16] = {};  // NOLINT(modernize-avoid-c-arrays): only its size matters
};

// ---- what is told ---------------------------------------------------------------------------------------------------

void clean_end_of_a_called_timer() {
  auto timer = std::make_optional(vigil::after_func(0ms, [value = Value(1)] { use(value.number); }));
  await_uses(1);
  timer.reset();  // the last handle, so what was called goes here
}
void clean_end_of_a_called_timer_by_a_task() {
  auto timer = std::make_shared<vigil::Timer>(vigil::after_func(0ms, [value = Value(1)] { use(value.number); }));
  await_uses(1);
  vigil::go([timer = std::move(timer)] {});
  let_tasks_end();
}
// The deadline's own handle is usually the last: nothing here waits for it, nor hurries.
void clean_end_of_a_deadline() {
  vigil::ReceiveChannel<vigil::Unit> done;
  {
    const auto [ctx, cancel] = vigil::with_timeout(vigil::with_value(vigil::background(), 1, Value(1)), 20ms);
    done = ctx.done();
    vigil::go([ctx = ctx] { use(ctx.value<Value>(1)->number); });
  }
  await_uses(1);
  (void)done.receive();
}
void clean_end_of_a_function_after_done() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  auto stop = std::make_optional(vigil::after_func(ctx, [value = Value(1)] { use(value.number); }));
  cancel();
  await_uses(1);
  stop.reset();
}
// Every handle of the user's is counted where it is seen; but the parent's is the child's own.
void clean_end_of_a_value_above_a_child() {
  auto parent = std::make_optional(vigil::with_value(vigil::background(), 1, Value(1)));
  auto child = std::make_optional(vigil::with_cancel(*parent));
  vigil::go([child = std::move(*child)] {
    use(child.ctx.value<Value>(1)->number);
    child.cancel();
  });
  child.reset();
  await_uses(1);  // the child has gone with the task
  parent.reset();
}
void clean_end_of_a_value_by_its_child() {
  auto parent = std::make_optional(vigil::with_value(vigil::background(), 1, Value(1)));
  auto child = std::make_optional(vigil::with_value(*parent, 2, Value(2)));
  vigil::go([mine = std::move(*std::exchange(parent, std::nullopt))] { use(mine.value<Value>(1)->number); });
  await_uses(1);
  child.reset();  // the task's handle has gone, so the parent goes with the child
}
void clean_end_of_a_group() {
  auto above = std::make_optional(vigil::with_cancel(vigil::with_value(vigil::background(), 1, Value(1))));
  auto group = std::make_optional<vigil::ErrorGroup>(above->ctx);
  group->go([&shared = group->context()] { use(shared.value<Value>(1)->number); });
  await_uses(1);
  above->cancel();
  above.reset();
  group.reset();  // without a wait(), which would order
}
// The item is held by others, too: who destroys it in the channel hands on what its sender did.
void clean_end_of_an_item_left() {
  std::optional<vigil::Channel<std::shared_ptr<Value>>> channel(1);
  auto item = std::make_shared<Value>(1);
  std::shared_ptr<Value> mine = item;
  vigil::go([item = std::move(item), channel = *channel]() mutable {
    use(item->number);
    item->number = 2;
    channel.send(std::move(item));
  });
  await_uses(1);
  channel.reset();
  if (mine.use_count() != 1) std::abort();
  mine.reset();
}

// ---- and no more than that ------------------------------------------------------------------------------------------

// To let go of a timer or of a context orders nothing for whoever goes on to hold it. (To take another handle would:
// the library's own count is then an acquire.)
void race_beside_handles() {
  static int shared = 0;
  const vigil::Context ctx = vigil::with_value(vigil::background(), 1, Value(1));
  vigil::go([copy = ctx]() mutable {
    shared = 1;
    copy = vigil::Context();
    uses.fetch_add(1, std::memory_order_relaxed);
  });
  await_uses(1);
  if (ctx.value<Value>(1)->number != 1) std::abort();
  if (shared != 1) std::abort();
}
void race_beside_a_timer() {
  static int shared = 0;
  auto timer = vigil::after_func(0ms, [] {
    shared = 1;
    uses.fetch_add(1, std::memory_order_relaxed);
  });
  await_uses(1);
  timer.stop();
  if (shared != 1) std::abort();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_end_of_a_called_timer),
    VIGIL_CASE(clean_end_of_a_called_timer_by_a_task),
    VIGIL_CASE(clean_end_of_a_deadline),
    VIGIL_CASE(clean_end_of_a_function_after_done),
    VIGIL_CASE(clean_end_of_a_value_above_a_child),
    VIGIL_CASE(clean_end_of_a_value_by_its_child),
    VIGIL_CASE(clean_end_of_a_group),
    VIGIL_CASE(clean_end_of_an_item_left),
    VIGIL_CASE(race_beside_handles),
    VIGIL_CASE(race_beside_a_timer),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::end_cases() { return kCases; }
