#include "interpose/race/engine_mode.hpp"

#include <dlfcn.h>

#include "interpose/futex_lock.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/order.hpp"
#include "interpose/race/access_states.hpp"
#include "interpose/race/collect.hpp"
#include "interpose/race/engine_start.hpp"
#include "interpose/race/library_caches.hpp"
#include "interpose/race/next_entry.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/say.hpp"

namespace vigil::shim::race {

constinit std::atomic<EngineMode> current_engine{EngineMode::Undecided};
constinit std::atomic<bool> variables_are_watched{false};

namespace {

constexpr const char* kProbedName = "__tsan_func_entry";
constexpr std::string_view kStubs = "libvigil_instrument";

// Which file an address lies in, without its folder.
std::string_view file_of(const void* address) noexcept {
  Dl_info info{};
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  const std::string_view path(info.dli_fname);
  return path.substr(path.find_last_of('/') + 1);
}

EngineMode look() noexcept {
  // What the program itself calls: ours, unless it brought the sanitizer's runtime along.
  void* const first = dlsym(RTLD_DEFAULT, kProbedName);
  void* const next = next_entry(kProbedName);
  const std::string_view own = file_of(reinterpret_cast<const void*>(&look));
  if (first != nullptr && file_of(first) != own && file_of(first).substr(0, kStubs.size()) != kStubs) {
    return EngineMode::Tsan;
  }
  if (next == nullptr) return EngineMode::None;
  return file_of(next).substr(0, kStubs.size()) == kStubs ? EngineMode::Native : EngineMode::Tsan;
}

// What an engine needs, once, whoever comes first: instrumented code or a variable.
enum class Ground : std::uint8_t { Untried, Whole, WithoutLowest, Impossible };
constinit FutexLock ground_lock;  // its holder is inside the shim, so that no signal handler of his asks for it
constinit std::atomic<Ground> ground{Ground::Untried};  // written with the lock held; acquire: what is there is seen

Ground prepared() noexcept {
  if (ground.load(std::memory_order_relaxed) != Ground::Untried) return ground.load(std::memory_order_relaxed);
  const ShadowExtent extent = map_shadow();
  Ground found = Ground::Impossible;
  if (extent != ShadowExtent::None && prepare_states()) {
    prepare_collector();
    order::want(order::kWhole);
    found = extent == ShadowExtent::Whole ? Ground::Whole : Ground::WithoutLowest;
  } else {
    say("no races are looked for: the address space has no room for their shadow (ulimit -v, overcommit_memory=2?)");
  }
  ground.store(found, std::memory_order_release);
  return found;
}

}  // namespace

void* next_entry(const char* name) noexcept { return dlsym(RTLD_NEXT, name); }

bool start_native() noexcept {
  if (engine_is_native()) return true;
  static constinit std::atomic<bool> refused{false};  // relaxed: nothing rides on it
  if (refused.load(std::memory_order_relaxed)) return false;
  const InsideGuard inside;
  if (!ground_lock.try_lock()) return false;  // another thread is about to
  const Ground found = prepared();
  const bool whole = found == Ground::Whole;
  refused.store(!whole, std::memory_order_relaxed);
  if (found == Ground::WithoutLowest) say("no races of instrumented code are looked for beside AddressSanitizer");
  if (whole && !engine_is_native()) {
    find_library_caches();
    variables_are_watched.store(true, std::memory_order_release);
    // release: who sees Native sees the shadow.
    current_engine.store(EngineMode::Native, std::memory_order_release);
  }
  ground_lock.unlock();
  return whole;
}

bool start_for_variables() noexcept {
  if (engine_watches_variables()) return true;
  // ThreadSanitizer's runtime sees the accesses for itself, and its shadow is in the place of ours.
  if (engine_mode() == EngineMode::Tsan || ground.load(std::memory_order_acquire) == Ground::Impossible) return false;
  ground_lock.lock();
  const bool there = prepared() != Ground::Impossible;
  if (there) variables_are_watched.store(true, std::memory_order_release);
  ground_lock.unlock();
  return there;
}

void decide_engine() noexcept {
  if (engine_mode() != EngineMode::Undecided) return;
  const EngineMode mode = look();
  if (mode == EngineMode::Native && start_native()) return;
  EngineMode expected = EngineMode::Undecided;
  current_engine.compare_exchange_strong(expected, mode == EngineMode::Tsan ? mode : EngineMode::None,
                                         std::memory_order_acq_rel);
}

bool calls_are_passed_on() noexcept {
  if (engine_mode() == EngineMode::Undecided) decide_engine();
  if (engine_mode() == EngineMode::Tsan) return true;
  if (engine_mode() == EngineMode::None && stage() <= Stage::Live) start_native();
  return false;
}

std::string_view name_of(EngineMode mode) noexcept {
  switch (mode) {
    case EngineMode::Native:
      return "native";
    case EngineMode::Tsan:
      return "tsan";
    case EngineMode::Undecided:
    case EngineMode::None:
      break;
  }
  return "none";
}

}  // namespace vigil::shim::race
