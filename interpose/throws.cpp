#include "interpose/throws.hpp"

#include <array>
#include <cstring>

#include "interpose/own_memory.hpp"

namespace vigil::shim {

// A ring: clean-up may throw and catch others before the exception that counts leaves the task.
struct ThrowHistory {
  static constexpr std::size_t kDepth = 4;
  struct Throw {
    const char* type = nullptr;
    StackId stack = kNoStack;
  };
  std::array<Throw, kDepth> ring{};
  std::size_t count = 0;
};

void remember_throw(const char* type) noexcept {
  Actor& actor = current_actor();
  if (actor.throws == nullptr) actor.throws = own_new<ThrowHistory>();
  actor.throws->ring[actor.throws->count++ % ThrowHistory::kDepth] = {.type = type, .stack = capture_stack()};
}

StackId last_throw(const Actor& actor, const char* type) noexcept {
  if (actor.throws == nullptr) return kNoStack;
  const ThrowHistory& history = *actor.throws;
  for (std::size_t back = 1; back <= ThrowHistory::kDepth && back <= history.count; ++back) {
    const ThrowHistory::Throw& one = history.ring[(history.count - back) % ThrowHistory::kDepth];
    if (type == nullptr || (one.type != nullptr && std::strcmp(one.type, type) == 0)) return one.stack;
  }
  return kNoStack;
}

void forget_throws(Actor& actor) noexcept { own_delete(std::exchange(actor.throws, nullptr)); }

}  // namespace vigil::shim
