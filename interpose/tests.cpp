#include "interpose/tests.hpp"

#include <atomic>

#include "interpose/fixed_text.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/process_info.hpp"
#include "interpose/runtime_view.hpp"

namespace vigil::shim::tests {
namespace {

// A test that began. Tasks are numbered in the order of their creation: those from first_task on were started in it, up
// to the first of the next test.
struct Test {
  std::string_view name;
  std::uint64_t first_task = 1;
  const Test* before = nullptr;
};

// release, acquire: who sees a test sees its fields. Tests begin one after the other, on one thread.
constinit std::atomic<const Test*> last{nullptr};
constinit std::atomic<bool> is_running{false};  // relaxed: a finding at the very border may go to either

}  // namespace

void begins(std::string_view suite, std::string_view name) noexcept {
  Line full;
  full << suite << "." << name;
  vigil_probe_counts counts{};
  if (runtime() != nullptr) runtime()->counts(&counts);
  Test* const test = own_new<Test>();
  *test = {keep_text(full.view()), counts.started + 1, last.load(std::memory_order_relaxed)};
  last.store(test, std::memory_order_release);
  is_running.store(true, std::memory_order_relaxed);
}

void ends() noexcept { is_running.store(false, std::memory_order_relaxed); }

std::string_view test_of(const Finding& finding) noexcept {
  const Test* const newest = last.load(std::memory_order_acquire);
  if (newest == nullptr) return {};
  if (!finding.participants.empty() && finding.participants.front().actor.type == ActorType::Task) {
    for (const Test* test = newest; test != nullptr; test = test->before) {
      if (finding.participants.front().actor.id >= test->first_task) return test->name;
    }
  }
  return is_running.load(std::memory_order_relaxed) ? newest->name : std::string_view{};
}

}  // namespace vigil::shim::tests
