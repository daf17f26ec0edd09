// The ThreadSanitizer runtime as the bridge calls it: functions of its public interface, found in whatever library
// brought it along (libtsan.so of g++, libclang_rt.tsan of clang -shared-libsan).
#pragma once

#include <cstddef>
#include <cstdint>

namespace vigil::shim::race::bridge {

// Null members are not there. Signatures are those of sanitizer/tsan_interface.h and tsan_interface_atomic.h; the
// report's questions are documented in compiler-rt's tsan_debugging.cpp only.
struct TsanCalls {
  void* (*create_fiber)(unsigned flags);
  void (*destroy_fiber)(void* fiber);
  void (*switch_to_fiber)(void* fiber, unsigned flags);
  void (*set_fiber_name)(void* fiber, const char* name);
  void* (*get_current_fiber)();
  void (*acquire)(void* at);
  void (*release)(void* at);
  void (*atomic8_store)(volatile std::uint8_t* at, std::uint8_t value, int order);
  void (*ignore_begin)(const char* file, int line);
  void (*ignore_end)(const char* file, int line);
  int (*munmap)(void* at, std::size_t size);

  int (*report_data)(void* report, const char** description, int* count, int* stacks, int* accesses, int* places,
                     int* mutexes, int* threads, int* unique_ids, void** sleep_trace, std::size_t trace_size);
  int (*report_access)(void* report, std::size_t index, int* thread, void** address, int* size, int* is_write,
                       int* is_atomic, void** trace, std::size_t trace_size);
  int (*report_place)(void* report, std::size_t index, const char** type, void** address, std::uintptr_t* start,
                      std::size_t* size, int* thread, int* file, int* suppressable, void** trace,
                      std::size_t trace_size);
  int (*report_mutex)(void* report, std::size_t index, std::size_t* id, void** address, int* destroyed, void** trace,
                      std::size_t trace_size);
  int (*report_thread)(void* report, std::size_t index, int* id, std::uint64_t* system_id, int* running,
                       const char** name, int* parent, void** trace, std::size_t trace_size);
};

// Finds them. False: something that the bridge cannot do without is missing.
bool find_runtime() noexcept;
const TsanCalls& tsan() noexcept;
// Whether it reports to us: it does not when it is linked into the program itself.
bool reports_to_us() noexcept;
// How many tasks it can follow at a time in the memory there is.
std::size_t most_tasks() noexcept;
// Whether code of that address is the runtime's own.
bool is_runtime_code(std::uintptr_t pc) noexcept;

// What the shim and libvigil.so call of libc for themselves goes there directly: an interceptor would take our memory,
// which our own locks guard, for the program's. What they allocate and free stays the runtime's, but is compared with
// nothing.
void call_libc_directly() noexcept;
// What instrumented modules call of the runtime goes there directly, or through our entry points.
enum class Way : std::uint8_t { Direct, ThroughUs };
void lead_calls(Way way) noexcept;

}  // namespace vigil::shim::race::bridge
