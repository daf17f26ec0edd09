#include "interpose/library_waits.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <span>

#include "interpose/lifecycle.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim::library_waits {
namespace {

// The calls that this thread is inside of, the innermost last. A copy of what lies on the stack: a scope that was left
// without its destructor, as exceptions leave ours, must not be looked at.
struct Call {
  const void* object;
  const Within* scope;
};
struct Calls {
  static constexpr std::size_t kMost = 16;  // of more that nest, the innermost are not known
  std::array<Call, kMost> all{};
  std::size_t count = 0;
};
thread_local constinit Calls calls __attribute__((tls_model("initial-exec")));
std::span<const Call> known_calls() noexcept { return std::span(calls.all).first(calls.count); }

// Stands for what all functions did that libraries call once.
constinit std::atomic<bool> preparations{false};

bool was_given(const void* object, race::Epoch older) noexcept {
  if (object == &kAllThatWas) return true;
  SyncObject& known = sync_objects().at(object);
  known.lock.lock();
  const bool ordered = race::happened_before(older, known.written.whole);
  known.lock.unlock();
  return ordered;
}

}  // namespace

Within::Within(const void* object) noexcept {
  if (calls.count == Calls::kMost) {
    // Scopes that are still there lie above this one.
    Call* const first = calls.all.data();
    calls.count = static_cast<std::size_t>(
        std::remove_if(first, first + calls.count, [&](const Call& one) { return one.scope <= this; }) - first);
    if (calls.count == Calls::kMost) return;
  }
  calls.all[calls.count++] = {object, this};
}
Within::~Within() {
  for (std::size_t i = calls.count; i-- > 0;) {
    if (calls.all[i].scope != this) continue;
    calls.count = i;
    return;
  }
}

void prepared() noexcept {
  if (!sync_events::watching()) return;
  sync_events::released(&preparations);
  // relaxed: who comes to what was prepared has learned of that by the library's own synchronisation.
  preparations.store(true, std::memory_order_relaxed);
}

bool may_order(race::Epoch older) noexcept {
  if (preparations.load(std::memory_order_relaxed) && was_given(&preparations, older)) return true;
  return std::ranges::any_of(known_calls(), [&](const Call& call) { return was_given(call.object, older); });
}

}  // namespace vigil::shim::library_waits
