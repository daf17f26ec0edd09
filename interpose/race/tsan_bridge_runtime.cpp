#include "interpose/race/tsan_bridge_runtime.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <span>
#include <string_view>

#include "interpose/export.hpp"
#include "interpose/imports.hpp"
#include "interpose/instrumented_code.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/process_info.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::race::bridge {
namespace {

constinit TsanCalls calls{};
constinit std::uintptr_t runtime_base = 0;  // of its library, and of ours; set by find_runtime()
constinit std::uintptr_t shim_base = 0;
constinit bool has_small_fibers = false;
constinit bool is_linked_statically = false;

template <class Pointer>
void find(Pointer& slot, const char* name) noexcept {
  slot = reinterpret_cast<Pointer>(dlsym(is_linked_statically ? RTLD_DEFAULT : RTLD_NEXT, name));
}

std::uintptr_t base_of(const void* address) noexcept {
  Dl_info info{};
  return dladdr(address, &info) != 0 ? reinterpret_cast<std::uintptr_t>(info.dli_fbase) : 0;
}

bool is_tsan_name(std::string_view name) noexcept { return name.starts_with("__tsan_"); }

int lead(dl_phdr_info* module, std::size_t /*size*/, void* way) noexcept {
  const Imports imports = imports_of(*module);
  each_import(*module, imports, [&](std::string_view name, void** slot) {
    if (!is_tsan_name(name)) return;
    void* const ours = dlsym(RTLD_DEFAULT, name.data());
    void* const wanted = *static_cast<Way*>(way) == Way::Direct ? dlsym(RTLD_NEXT, name.data()) : ours;
    if (wanted != nullptr && base_of(ours) == shim_base) redirect(*module, slot, wanted);
  });
  return 0;
}

// ---- what libvigil.so allocates -------------------------------------------------------------------------------------
// Who frees it last is settled by counts that nobody sees, so its frees race with nothing.

class NotCompared {
 public:
  NotCompared() noexcept : tells_(can_tell()) {
    if (tells_) calls.ignore_begin("", 0);
  }
  ~NotCompared() {
    if (tells_) calls.ignore_end("", 0);
  }
  NotCompared(const NotCompared&) = delete;
  NotCompared& operator=(const NotCompared&) = delete;

 private:
  const bool tells_;
};

template <std::size_t kWhich, class Result, class... Arguments>
struct Uncompared {
  using Function = Result(Arguments...);
  static inline constinit Function* real = nullptr;
  static Result call(Arguments... arguments) {
    const NotCompared scope;
    return real(arguments...);
  }
};

template <std::size_t kWhich, class Result, class... Arguments>
Replacement uncompared(const char* name) noexcept {
  using Calls = Uncompared<kWhich, Result, Arguments...>;
  return {name, reinterpret_cast<void*>(&Calls::call), reinterpret_cast<void**>(&Calls::real)};
}

std::span<const Replacement> uncompared_calls() noexcept {
  static Replacement all[9];  // filled when first asked for, before the second thread: no static constructors here
  if (all[0].name != nullptr) return all;
  const Replacement made[] = {
      uncompared<0, void*, std::size_t>("_Znwm"),
      uncompared<1, void*, std::size_t>("_Znam"),
      uncompared<2, void*, std::size_t, std::size_t>("_ZnwmSt11align_val_t"),
      uncompared<3, void*, std::size_t, std::size_t, const void*>("_ZnwmSt11align_val_tRKSt9nothrow_t"),
      uncompared<4, void, void*>("_ZdlPv"),
      uncompared<5, void, void*>("_ZdaPv"),
      uncompared<6, void, void*, std::size_t>("_ZdlPvm"),
      uncompared<7, void, void*, std::size_t>("_ZdlPvSt11align_val_t"),
      uncompared<8, void, void*, std::size_t, std::size_t>("_ZdlPvmSt11align_val_t"),
  };
  std::ranges::copy(made, all);
  return all;
}

// ---- whose calls go where -------------------------------------------------------------------------------------------

bool is_libvigil(const dl_phdr_info& module) noexcept {
  const std::string_view path = module.dlpi_name != nullptr ? module.dlpi_name : "";
  return path.substr(path.find_last_of('/') + 1).starts_with("libvigil.so");
}

int free_own(dl_phdr_info* module, std::size_t /*size*/, void* libc) noexcept {
  const bool is_runtime = is_libvigil(*module);
  if (!is_runtime && module->dlpi_addr != shim_base) return 0;
  const Imports imports = imports_of(*module);
  each_import(*module, imports, [&](std::string_view name, void** slot) {
    void* const now = dlsym(RTLD_DEFAULT, name.data());
    if (now == nullptr || base_of(now) != runtime_base) return;  // not intercepted, or by us
    for (const Replacement& replacement : uncompared_calls()) {
      if (!is_runtime || name != replacement.name) continue;
      *replacement.real = now;
      return redirect(*module, slot, replacement.ours);
    }
    if (is_runtime && name.starts_with("pthread_")) return;  // it is to know the workers
    if (void* const direct = dlsym(libc, name.data())) redirect(*module, slot, direct);
  });
  return 0;
}

// Bytes, as the kernel estimates them; 0: it does not say.
std::size_t available_memory() noexcept {
  constexpr std::string_view kKey = "MemAvailable:";
  std::array<char, 512> text{};  // it is the third line
  const long file = raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>("/proc/meminfo"), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const long size =
      raw_syscall(SYS_read, file, reinterpret_cast<long>(text.data()), static_cast<long>(text.size() - 1));
  raw_syscall(SYS_close, file);
  const std::string_view told(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::size_t at = told.find(kKey);
  if (at == std::string_view::npos) return 0;
  return std::strtoul(text.data() + at + kKey.size(), nullptr, 10) << 10U;
}

}  // namespace

bool find_runtime() noexcept {
  is_linked_statically = dlsym(RTLD_NEXT, "__tsan_create_fiber") == nullptr;
  find(calls.create_fiber, "__tsan_create_fiber");
  find(calls.destroy_fiber, "__tsan_destroy_fiber");
  find(calls.switch_to_fiber, "__tsan_switch_to_fiber");
  find(calls.set_fiber_name, "__tsan_set_fiber_name");
  find(calls.get_current_fiber, "__tsan_get_current_fiber");
  find(calls.acquire, "__tsan_acquire");
  find(calls.release, "__tsan_release");
  find(calls.atomic8_store, "__tsan_atomic8_store");
  find(calls.ignore_begin, "AnnotateIgnoreReadsBegin");
  find(calls.ignore_end, "AnnotateIgnoreReadsEnd");
  find(calls.munmap, "munmap");
  find(calls.report_data, "__tsan_get_report_data");
  find(calls.report_access, "__tsan_get_report_mop");
  find(calls.report_place, "__tsan_get_report_loc");
  find(calls.report_mutex, "__tsan_get_report_mutex");
  find(calls.report_thread, "__tsan_get_report_thread");
  const void* const wanted[] = {reinterpret_cast<void*>(calls.create_fiber),
                                reinterpret_cast<void*>(calls.destroy_fiber),
                                reinterpret_cast<void*>(calls.switch_to_fiber),
                                reinterpret_cast<void*>(calls.set_fiber_name),
                                reinterpret_cast<void*>(calls.get_current_fiber),
                                reinterpret_cast<void*>(calls.acquire),
                                reinterpret_cast<void*>(calls.release),
                                reinterpret_cast<void*>(calls.atomic8_store),
                                reinterpret_cast<void*>(calls.ignore_begin),
                                reinterpret_cast<void*>(calls.ignore_end),
                                reinterpret_cast<void*>(calls.munmap)};
  if (std::ranges::find(wanted, nullptr) != std::end(wanted)) return false;
  runtime_base = base_of(reinterpret_cast<void*>(calls.create_fiber));
  shim_base = base_of(reinterpret_cast<void*>(&find_runtime));
  // g++ 12 and older have the second generation of the runtime, in which a thread's state is 0.8 MiB large. They lack
  // this function; so does clang 14, which has the third, under another name of file.
  Dl_info info{};
  const bool known = dladdr(reinterpret_cast<void*>(calls.create_fiber), &info) != 0 && info.dli_fname != nullptr;
  has_small_fibers = dlsym(RTLD_DEFAULT, "__tsan_check_no_mutexes_held") != nullptr ||
                     (known && std::string_view(info.dli_fname).find("libtsan.so") == std::string_view::npos);
  return true;
}

const TsanCalls& tsan() noexcept { return calls; }
bool reports_to_us() noexcept { return !is_linked_statically && calls.report_thread != nullptr; }
bool is_runtime_code(std::uintptr_t pc) noexcept {
  return !is_linked_statically && runtime_base != 0 && base_of(reinterpret_cast<void*>(pc)) == runtime_base;
}

std::size_t most_tasks() noexcept {
  // Its calls do not come by us, so none can be left out; such a runtime is clang's.
  if (is_linked_statically) return std::numeric_limits<std::size_t>::max();
  constexpr std::size_t kMost = 5'000;  // of the 8128 that g++ 12's runtime numbers, with room for threads
  constexpr std::size_t kMostSmall = 100'000;
  constexpr std::size_t kBytes = 850U << 10U;  // measured for g++ 12, see docs/tsan_bridge.md
  constexpr std::size_t kBytesSmall = 16U << 10U;
  if (const std::string_view wanted = environment_value("VIGIL_TSAN_TASKS"); !wanted.empty()) {
    return std::max<std::size_t>(1, std::strtoul(wanted.data(), nullptr, 10));  // a NUL is behind it
  }
  const std::size_t fitting = available_memory() / 2 / (has_small_fibers ? kBytesSmall : kBytes);
  return std::clamp<std::size_t>(fitting, 64, has_small_fibers ? kMostSmall : kMost);
}

void call_libc_directly() noexcept {
  void* const libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  if (libc == nullptr) return;
  dl_iterate_phdr(free_own, libc);
}

void lead_calls(Way way) noexcept {
  if (!is_linked_statically) dl_iterate_phdr(lead, &way);
}

}  // namespace vigil::shim::race::bridge

namespace {

// Whether the environment asks the runtime to leave out reports by name. Before the runtime has started: nothing of
// libc may be called that it intercepts, and libc does not know the environment yet.
bool user_suppresses() noexcept {
  constexpr char kVariable[] = "TSAN_OPTIONS=";
  constexpr char kOption[] = "suppressions=";
  constexpr std::size_t kLength = sizeof kVariable - 1;  // of both
  static_assert(sizeof kOption == sizeof kVariable);
  using vigil::shim::raw_syscall;
  char text[64U << 10U];  // a longer environment is not looked at to its end
  const long file =
      raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>("/proc/self/environ"), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::size_t size = 0;
  for (long n = 1; n > 0 && size<sizeof text; size += n> 0 ? static_cast<std::size_t>(n) : 0) {
    n = raw_syscall(SYS_read, file, reinterpret_cast<long>(text + size), static_cast<long>(sizeof text - size));
  }
  raw_syscall(SYS_close, file);
  const auto is_at = [&](std::size_t at, const char* wanted) {
    if (at + kLength > size) return false;
    for (std::size_t i = 0; i < kLength; ++i) {
      if (text[at + i] != wanted[i]) return false;
    }
    return true;
  };
  for (std::size_t at = 0; at < size; ++at) {
    const bool is_variable = (at == 0 || text[at - 1] == '\0') && is_at(at, kVariable);
    for (std::size_t in = at + kLength; is_variable && in < size && text[in] != '\0'; ++in) {
      if (is_at(in, kOption)) return true;
    }
  }
  return false;
}

}  // namespace

// What the runtime asks of whoever is loaded with it, before it starts; the program's own answers, if it has some, come
// first, and TSAN_OPTIONS counts more than either.
extern "C" VIGIL_EXPORT const char* __tsan_default_options() noexcept {
  // Locks' order, leaked threads and misused mutexes are found by detectors of ours, whose limits are wider (its own of
  // lock order ends the program at the 65th lock held). Names are found when the report is made, unless its
  // suppressions need them now.
  constexpr const char* kUsual = "detect_deadlocks=0:report_thread_leaks=0:atexit_sleep_ms=0";
  constexpr const char* kNameless = "detect_deadlocks=0:report_thread_leaks=0:atexit_sleep_ms=0:symbolize=0";
  return user_suppresses() ? kUsual : kNameless;
}
