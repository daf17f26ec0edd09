#include "interpose/naps.hpp"

#include <array>
#include <atomic>

#include "interpose/locks/lock_events.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim {
namespace {

// Each entry is the number of a nap above the id of its thread, and a bit for those of tasks. Two threads at one place:
// the later one is seen.
constexpr std::size_t kPlaces = 1024;
constexpr unsigned kTidBits = 24;  // more than the kernel's largest id
constexpr std::uint64_t kOfTask = std::uint64_t{1} << 63U;
constinit std::array<std::atomic<std::uint64_t>, kPlaces> marks{};
thread_local constinit int napping_tid __attribute__((tls_model("initial-exec"))) = 0;
thread_local constinit std::uint64_t own_naps __attribute__((tls_model("initial-exec"))) = 0;

std::atomic<std::uint64_t>& place_of_thread(int tid) noexcept { return marks[static_cast<std::size_t>(tid) % kPlaces]; }

}  // namespace

void Nap::begin() noexcept {
  if (napping_tid == 0) napping_tid = this_tid();  // a fork's child keeps its parent's: then its naps are not seen
  mark_ = (++own_naps << kTidBits & ~kOfTask) | static_cast<std::uint64_t>(napping_tid);
  if (sync_events::watching()) {
    record([this] {
      Actor& sleeper = current_actor();
      locks::leaves_locked(sleeper);
      mark_ |= sleeper.type == ActorType::Task ? kOfTask : 0;
    });
  }
  // release: who sees the mark sees the registers.
  place_of_thread(napping_tid).store(mark_, std::memory_order_release);
}

void Nap::end() noexcept {
  std::uint64_t mark = mark_;
  place_of_thread(napping_tid).compare_exchange_strong(mark, 0, std::memory_order_release, std::memory_order_relaxed);
}

std::uint64_t nap_of(int tid) noexcept {
  const std::uint64_t mark = place_of_thread(tid).load(std::memory_order_acquire);
  return (mark & ((std::uint64_t{1} << kTidBits) - 1)) == static_cast<std::uint64_t>(tid) ? mark : 0;
}

bool is_nap_of_task(std::uint64_t nap) noexcept { return (nap & kOfTask) != 0; }

}  // namespace vigil::shim
