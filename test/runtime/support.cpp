#include "test/runtime/support.hpp"

#include <atomic>

namespace {
constinit const vigil_probe_runtime* attached = nullptr;
constinit std::atomic<int> attach_calls{0};

// The program ends when its tasks have come to rest. One that is woken and does not run yet has its objects on a stack
// that the leak sanitizer does not look at.
class TasksAtRest : public testing::Environment {
 public:
  void TearDown() override {
    if (attached != nullptr) attached->settle(2'000'000'000U);  // a task that never rests holds up nobody
  }
};
// NOLINTNEXTLINE(cert-err58-cpp): before main() there is nobody to catch it
[[maybe_unused]] const testing::Environment* const tasks_at_rest = testing::AddGlobalTestEnvironment(new TasksAtRest);
}  // namespace

// Strong, in the program: it comes before the library's weak default.
extern "C" __attribute__((visibility("default"))) void vigil_probe_attach(const vigil_probe_runtime* runtime) noexcept {
  attached = runtime;
  ++attach_calls;
}

namespace vigil::test {

using namespace std::chrono_literals;

const vigil_probe_runtime& runtime() {
  EXPECT_EQ(attach_calls, 1);
  return *attached;
}

std::vector<Seen> actors() {
  std::vector<Seen> seen;
  seen.reserve(1000);
  EXPECT_EQ(runtime().pause(20'000'000'000U), 1) << "the runtime could not be paused";
  runtime().each_actor(
      [](const vigil_probe_actor_view* view, void* context) {
        Seen one{};
        one.id = view->actor->id;
        one.state = view->state;
        one.flags = view->flags;
        if (view->wait != nullptr) {
          one.wait_kind = view->wait->kind;
          one.case_count = view->wait->case_count;
          one.object = view->wait->case_count > 0 ? view->wait->cases[0].channel : view->wait->object;
        }
        if (view->saved != nullptr) one.saved = *view->saved;
        one.stack_low = view->stack_low;
        one.stack_high = view->stack_high;
        static_cast<std::vector<Seen>*>(context)->push_back(one);
        return 1;
      },
      &seen);
  runtime().resume();
  return seen;
}

std::size_t parked_actors() {
  std::size_t parked = 0;
  for (const Seen& one : actors())
    if (one.state == VIGIL_TASK_PARKED) ++parked;
  return parked;
}

vigil_probe_counts counts() {
  vigil_probe_counts now{};
  runtime().counts(&now);
  return now;
}

void until_parked(std::size_t parked) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (runtime().settle(20'000'000'000U) == 1 && parked_actors() == parked && counts().moving == 0) return;
    std::this_thread::sleep_for(100us);
  }
  FAIL() << "there are " << parked_actors() << " parked actors, not " << parked;
}

void until_no_task_is_left() {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (task_count() != 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << task_count() << " tasks are alive";
    std::this_thread::sleep_for(100us);
  }
}

void until_no_timer_is_left() {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (counts().timers != 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << counts().timers << " timers are pending";
    std::this_thread::sleep_for(100us);
  }
}

void Crew::start(On on, std::function<void()> body) {
  if (on == On::Thread)
    threads_.emplace_back(std::move(body));
  else
    tasks_.go(std::move(body));
}

void Crew::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  tasks_.wait();
}

}  // namespace vigil::test
