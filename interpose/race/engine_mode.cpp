#include "interpose/race/engine_mode.hpp"

#include <dlfcn.h>

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

}  // namespace

void* next_entry(const char* name) noexcept { return dlsym(RTLD_NEXT, name); }

bool start_native() noexcept {
  static constinit std::atomic<std::uint8_t> tried{0};  // 1: being tried, or failed
  if (engine_is_native()) return true;
  if (tried.exchange(1, std::memory_order_acq_rel) != 0) return engine_is_native();
  if (!map_shadow() || !prepare_states()) {
    say("no races are looked for: the address space has no room for their shadow (ulimit -v, overcommit_memory=2?)");
    return false;
  }
  prepare_collector();
  find_library_caches();
  order::want(order::kWhole);
  // release: who sees Native sees the shadow.
  current_engine.store(EngineMode::Native, std::memory_order_release);
  return true;
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
