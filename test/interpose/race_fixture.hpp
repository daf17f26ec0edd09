// RaceEngine: the race engine, driven through the entry points of instrumented code and the probes of the runtime: many
// actors on one thread, so that the order of events is constructed.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "interpose/lifecycle.hpp"
#include "interpose/order.hpp"
#include "interpose/race/access_states.hpp"
#include "interpose/race/collect.hpp"
#include "interpose/race/context_tree.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/race/engine_start.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/race_report.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/slot_pool.hpp"
#include "interpose/race/wide_records.hpp"
#include "interpose/threads.hpp"
#include "test/interpose/naive_clock.hpp"
#include "vigil/probe.h"

extern "C" {
void __tsan_read1(void* at) noexcept;
void __tsan_read2(void* at) noexcept;
void __tsan_read4(void* at) noexcept;
void __tsan_read8(void* at) noexcept;
void __tsan_read16(void* at) noexcept;
void __tsan_write1(void* at) noexcept;
void __tsan_write2(void* at) noexcept;
void __tsan_write4(void* at) noexcept;
void __tsan_write8(void* at) noexcept;
void __tsan_write16(void* at) noexcept;
void __tsan_read_range(void* at, std::size_t size) noexcept;
void __tsan_write_range(void* at, std::size_t size) noexcept;
void __tsan_func_entry(void* return_address) noexcept;
void __tsan_func_exit() noexcept;
}

namespace vigil::shim::race {

inline std::vector<FoundRaces::Pair> told;                       // since the last clear()
inline constinit std::atomic<std::uint64_t> told_by_threads{0};  // counted instead while threads run
inline bool counts_only = false;

inline void hear(const FoundRaces& found) noexcept {
  told_by_threads.fetch_add(found.pairs().size());
  if (!counts_only) told.insert(told.end(), found.pairs().begin(), found.pairs().end());
}

// Where a test's memory is to lie: where tasks' stacks have theirs, from the uppermost page of one on, if
// VIGIL_TEST_MEMORY says so; else anywhere.
inline void* place_of_memory() noexcept {
  const char* const where = std::getenv("VIGIL_TEST_MEMORY");
  if (where == nullptr || std::string_view(where) != "stacks") return nullptr;
  static std::uintptr_t slot = 0;
  slot += 7;  // longer than the longest
  return reinterpret_cast<void*>(stacks::kFrom + (slot * stacks::kSlotPages - 1) * stacks::kPage);
}

// Memory of the test's own: never used before, far from the actors' records.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : bytes_(bytes) {
    at_ = static_cast<char*>(
        mmap(place_of_memory(), bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    begin_anew();
  }
  ~Memory() {
    begin_anew();
    munmap(at_, bytes_);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  [[nodiscard]] char* at(std::size_t offset) const { return at_ + offset; }
  [[nodiscard]] std::uintptr_t address() const { return reinterpret_cast<std::uintptr_t>(at_); }

 private:
  void begin_anew() const {  // whichever mode the engine is in
    forget(address(), bytes_);
    forget_variable(address(), bytes_);
  }

  char* at_;
  std::size_t bytes_;
};

// The running actor is in a call from then on, as instrumented code is: only then its accesses go the usual ways.
inline void be_in_a_call() {
  if (hot.top == nullptr) __tsan_func_entry(__builtin_return_address(0));
}

struct TestTask {
  TestTask() = default;
  vigil_probe_actor actor{};
};

class RaceEngine : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_TRUE(ensure_live());
    ASSERT_TRUE(start_native());
  }
  void SetUp() override {
    become_concurrent();
    listen_to_races(hear);
    told.clear();
    counts_only = false;
    for (vigil_probe_actor& task : tasks) create(task);
  }
  void TearDown() override {
    vigil_probe_task_switch(nullptr);
    for (vigil_probe_actor& task : tasks) vigil_probe_task_end(&task);
    listen_to_races(nullptr);
  }
  static void create(vigil_probe_actor& task, vigil_probe_actor* parent = nullptr) {
    static std::uint64_t last_id = 0;
    task.id = ++last_id;
    vigil_probe_task_create(parent, &task, 0);
  }
  static void as(vigil_probe_actor& task) { vigil_probe_task_switch(&task); }
  static void release(vigil_probe_actor& task, const void* object) { vigil_probe_release(&task, object); }
  static void acquire(vigil_probe_actor& task, const void* object) { vigil_probe_acquire(&task, object); }
  static std::size_t races() { return told.size(); }

  std::array<vigil_probe_actor, 4> tasks{};
  vigil_probe_actor& a = tasks[0];
  vigil_probe_actor& b = tasks[1];
  vigil_probe_actor& c = tasks[2];
  Memory memory{1U << 20};
};

// The same where nothing is instrumented: only what the program tells of itself enters the shadow. (In a process of its
// own, as CTest runs each test; behind a RaceEngine the engine is native, and the same must hold.)
class WatchedVariables : public RaceEngine {
 protected:
  static void SetUpTestSuite() {
    ASSERT_TRUE(ensure_live());
    const InsideGuard inside;
    ASSERT_TRUE(start_for_variables());
  }
  static void read(const char* variable, std::size_t size) { vigil_probe_variable_read(variable, size); }
  static void write(const char* variable, std::size_t size) { vigil_probe_variable_write(variable, size); }
};

}  // namespace vigil::shim::race
