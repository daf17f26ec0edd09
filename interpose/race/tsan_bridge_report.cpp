#include "interpose/race/tsan_bridge_report.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "interpose/actor.hpp"
#include "interpose/export.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/held_locks.hpp"
#include "interpose/objects.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/library_caches.hpp"
#include "interpose/race/own_thread_local.hpp"
#include "interpose/race/race_finding.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/race/tsan_bridge_runtime.hpp"
#include "interpose/stacks/modules.hpp"

namespace vigil::shim::race::bridge {
namespace {

using Trace = std::array<void*, kMaxFrames>;

constinit FutexLock threads_lock;
constinit OwnMap<int, ActorKey>* threads = nullptr;  // by the system's id; guarded by threads_lock

constinit std::atomic<std::uint64_t> blocks_told{0};  // their numbers; relaxed: nothing rides on it

// As intern_stack() wants it: addresses inside the calls, and none of the runtime or of ours at the inner end.
StackId stack_of(const Trace& trace) noexcept {
  std::array<std::uintptr_t, kMaxFrames> frames{};
  std::size_t count = 0;
  for (const void* const frame : trace) {
    const auto pc = reinterpret_cast<std::uintptr_t>(frame);
    if (pc == 0) break;
    const bool is_inlined_here = count != 0 && frames[count - 1] == pc - 1;  // one address stands for all of them
    if (is_inlined_here || (count == 0 && (shim_code.holds(pc) || is_runtime_code(pc)))) continue;
    frames[count++] = pc - 1;
  }
  return count == 0 ? kNoStack : intern_stack(std::span(frames).first(count));
}

class Report {
 public:
  explicit Report(void* report) noexcept : report_(report) {
    Trace sleep{};
    int stacks = 0;
    int unique_ids = 0;
    tsan().report_data(report, &kind_, &count_, &stacks, &accesses_, &places_, &mutexes_, &threads_, &unique_ids,
                       sleep.data(), sleep.size());
  }

  [[nodiscard]] std::string_view kind() const noexcept { return kind_ != nullptr ? kind_ : ""; }
  [[nodiscard]] int accesses() const noexcept { return accesses_; }

  struct Access {
    RaceSide side;
    std::uintptr_t address = 0;
  };
  [[nodiscard]] Access access(std::size_t index) const noexcept {
    Trace trace{};
    int thread = 0;
    void* address = nullptr;
    int size = 0;
    int is_write = 0;
    int is_atomic = 0;
    tsan().report_access(report_, index, &thread, &address, &size, &is_write, &is_atomic, trace.data(), trace.size());
    Access access;
    access.side = {.actor = actor(thread),
                   .is_write = is_write != 0,
                   .is_atomic = is_atomic != 0,
                   .bytes = static_cast<std::size_t>(size),
                   .stack = stack_of(trace)};
    access.address = reinterpret_cast<std::uintptr_t>(address);
    return access;
  }

  // What lies at that address.
  [[nodiscard]] ObjectInfo object(const Access& accessed) const noexcept {
    for (std::size_t i = 0; i < static_cast<std::size_t>(places_); ++i) {
      Trace trace{};
      const char* type = nullptr;
      void* address = nullptr;
      std::uintptr_t start = 0;
      std::size_t size = 0;
      int thread = 0;
      int file = 0;
      int suppressable = 0;
      tsan().report_place(report_, i, &type, &address, &start, &size, &thread, &file, &suppressable, trace.data(),
                          trace.size());
      if (type == nullptr || std::string_view(type) != "heap") continue;
      return {.type = ObjectType::HeapBlock,
              .id = blocks_told.fetch_add(1, std::memory_order_relaxed) + 1,
              .capacity = static_cast<std::int64_t>(size),
              .address = start,
              .created_at = stack_of(trace)};
    }
    return {.type = ObjectType::Variable,
            .id = 0,
            .capacity = static_cast<std::int64_t>(accessed.side.bytes),
            .address = accessed.address};
  }

  // The pthread locks that either side held, by address; the report does not say which side.
  template <class Visit>
  void each_lock(Visit&& visit) const noexcept {
    for (std::size_t i = 0; i < static_cast<std::size_t>(mutexes_); ++i) {
      Trace trace{};
      std::size_t id = 0;
      void* address = nullptr;
      int destroyed = 0;
      tsan().report_mutex(report_, i, &id, &address, &destroyed, trace.data(), trace.size());
      if (destroyed == 0 && address != nullptr) visit(address);
    }
  }

 private:
  [[nodiscard]] ActorInfo actor(int wanted) const noexcept {
    for (std::size_t i = 0; i < static_cast<std::size_t>(threads_); ++i) {
      Trace trace{};
      int id = 0;
      std::uint64_t system_id = 0;
      int running = 0;
      const char* name = nullptr;
      int parent = 0;
      tsan().report_thread(report_, i, &id, &system_id, &running, &name, &parent, trace.data(), trace.size());
      if (id != wanted) continue;
      const std::string_view called = name != nullptr ? name : "";
      if (const auto key = key_in(called)) return info_of(*key, "");
      return known_thread(static_cast<int>(system_id), trace);
    }
    return {};
  }

  static std::optional<ActorKey> key_in(std::string_view name) noexcept {
    constexpr int kHexadecimal = 16;
    if (!name.starts_with(kTaskName)) return std::nullopt;
    name.remove_prefix(kTaskName.size());
    std::uint64_t key = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), key, kHexadecimal);
    if (error != std::errc()) return std::nullopt;
    return static_cast<ActorKey>(key);
  }

  static ActorInfo known_thread(int system_id, const Trace& created) noexcept {
    threads_lock.lock();
    const auto found = threads != nullptr ? threads->find(system_id) : OwnMap<int, ActorKey>::iterator();
    const bool is_known = threads != nullptr && found != threads->end();
    const ActorKey key = is_known ? found->second : ActorKey{};
    threads_lock.unlock();
    if (is_known) return info_of(key, "");
    return {.type = ActorType::Thread, .id = 0, .name = {}, .state = {}, .created_at = stack_of(created)};
  }

  void* report_;
  const char* kind_ = nullptr;
  int count_ = 0;
  int accesses_ = 0;
  int places_ = 0;
  int mutexes_ = 0;
  int threads_ = 0;
};

// The objects of one finding: what was accessed, then locks.
struct Objects {
  OwnVector<ObjectInfo> all;
  OwnVector<std::int32_t> held_now;
  OwnVector<std::int32_t> held_then;

  std::int32_t index_of(const LockObject& lock) noexcept {
    for (std::size_t i = 1; i < all.size(); ++i) {
      if (all[i].address == lock.address) return static_cast<std::int32_t>(i);
    }
    all.push_back(info_of(lock));
    return static_cast<std::int32_t>(all.size() - 1);
  }
};

void tell(const Report& report, bool is_after_free) noexcept {
  const Report::Access newer = report.access(0);
  const Report::Access older = report.access(1);
  Actor& self = current_actor();
  if (is_library_cache(newer.address) || took_turns(self, older.side.actor, newer.address)) return;
  Objects objects;
  objects.all.push_back(report.object(newer));
  for (const locks::HeldLock& held : self.held.live()) objects.held_now.push_back(objects.index_of(*held.object));
  // With a lock in common the two would not race: what the one who runs does not hold, the other held.
  report.each_lock([&](const void* address) {
    const LockObject* const lock = lock_objects().find(address);
    if (lock == nullptr) return;
    const std::int32_t index = objects.index_of(*lock);
    for (const std::int32_t mine : objects.held_now) {
      if (mine == index) return;
    }
    objects.held_then.push_back(index);
  });
  RaceSide now = newer.side;
  now.actor = info_of(self, "running");
  now.held = objects.held_now;
  RaceSide then = older.side;
  then.is_free = is_after_free;
  then.held = objects.held_then;
  const bool is_block = objects.all[0].type == ObjectType::HeapBlock;
  tell_race(now, then, objects.all, is_block ? "a heap block" : "a variable", 1);
}

// Whether the report is ours to tell, or one that a detector of ours makes in its place.
bool takes(void* described) noexcept {
  constexpr std::string_view kOfOurs[] = {"thread-leak",           "locked-mutex-destroy", "mutex-double-lock",
                                          "mutex-invalid-access",  "mutex-bad-unlock",     "mutex-bad-read-lock",
                                          "mutex-bad-read-unlock", "lock-order-inversion"};
  const Report report(described);
  const std::string_view kind = report.kind();
  for (const std::string_view ours : kOfOurs) {
    if (kind == ours) return true;
  }
  const bool is_after_free = kind.starts_with("heap-use-after-free");
  if (!is_after_free && !kind.starts_with("data-race") && !kind.starts_with("race on")) return false;
  if (report.accesses() < 2) return false;
  if (stage() == Stage::Live) tell(report, is_after_free);
  return true;
}

}  // namespace

void thread_known(int system_id, ActorKey key) noexcept {
  threads_lock.lock();
  if (threads == nullptr) threads = own_new<OwnMap<int, ActorKey>>();
  (*threads)[system_id] = key;
  threads_lock.unlock();
}

// What the runtime asks before it prints a report: whether somebody else has taken it. Its name is the runtime's C++
// one; both generations have it.
extern "C" VIGIL_EXPORT bool vigil_on_tsan_report(const void* report, bool suppressed) noexcept
    asm("_ZN6__tsan8OnReportEPKNS_10ReportDescEb");
extern "C" bool vigil_on_tsan_report(const void* report, bool suppressed) noexcept {
  if (suppressed || !is_on() || stage() > Stage::Stopping) return suppressed;
  const InsideGuard inside;
  return takes(const_cast<void*>(report));
}

}  // namespace vigil::shim::race::bridge
