#include "interpose/instrumented_code.hpp"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <link.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string_view>

#include "interpose/futex_lock.hpp"
#include "interpose/heap.hpp"
#include "interpose/imports.hpp"
#include "interpose/loading.hpp"
#include "interpose/race/engine_mode.hpp"

namespace vigil::shim {
namespace {

// What every instrumented module imports, whatever the compiler.
constexpr std::array<std::string_view, 2> kSigns{"__tsan_init", "__tsan_func_entry"};

struct Range {
  // relaxed: an entry is whole before the count that publishes it, and never changes.
  std::atomic<std::uintptr_t> low{0};
  std::atomic<std::uintptr_t> high{0};
};
constexpr std::size_t kMostRanges = 256;  // a program of more instrumented modules has the rest's frees unchecked
constinit std::array<Range, kMostRanges> ranges{};
constinit std::atomic<std::size_t> range_count{0};
constinit FutexLock looking;  // one thread looks at a time

const Replacement* replacement_for(std::string_view name) noexcept {
  for (const auto all : {memory_replacements(), allocation_replacements(), cxxabi_replacements(), openmp_replacements(),
                         container_replacements(), future_replacements(), message_replacements(), text_replacements(),
                         buffer_replacements(), tbb_replacements()}) {
    for (const Replacement& one : all) {
      if (name == one.name) return &one;
    }
  }
  return nullptr;
}

void remember(const dl_phdr_info& module) noexcept {
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = module.dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    const std::uintptr_t low = module.dlpi_addr + part.p_vaddr;
    if (is_instrumented(low)) continue;
    const std::size_t count = range_count.load(std::memory_order_relaxed);
    if (count == kMostRanges) return;
    ranges[count].low.store(low, std::memory_order_relaxed);
    ranges[count].high.store(low + part.p_memsz, std::memory_order_relaxed);
    range_count.store(count + 1, std::memory_order_release);  // pairs with the acquire in is_instrumented()
  }
}

bool are_of_one_module(const void* one, const void* other) noexcept {
  Dl_info of_one;
  Dl_info of_other;
  return dladdr(one, &of_one) != 0 && dladdr(other, &of_other) != 0 && of_one.dli_fbase == of_other.dli_fbase;
}

// Also where the shim's own function of that name stands before libc's.
bool is_of_libc(const void* function) noexcept {
  return function != nullptr && (are_of_one_module(function, reinterpret_cast<const void*>(&gnu_get_libc_version)) ||
                                 are_of_one_module(function, &ranges));
}

void* function_for(const Replacement& replacement) noexcept {
  void* const found = dlsym(RTLD_DEFAULT, replacement.name);
  return !replacement.only_libcs || is_of_libc(found) ? found : nullptr;
}

int look_at(dl_phdr_info* module, std::size_t /*size*/, void* /*nothing*/) noexcept {
  const Imports imports = imports_of(*module);
  bool is_ours = false;
  each_import(*module, imports, [&](std::string_view name, void** /*slot*/) {
    for (const std::string_view sign : kSigns) is_ours = is_ours || name == sign;
  });
  if (!is_ours) return 0;
  remember(*module);
  loading::is_there(*module);
  each_import(*module, imports, [&](std::string_view name, void** slot) {
    const Replacement* const replacement = replacement_for(name);
    if (replacement == nullptr) return;
    if (*replacement->real == nullptr) *replacement->real = function_for(*replacement);
    if (*replacement->real != nullptr) redirect(*module, slot, replacement->ours);
  });
  return 0;
}

}  // namespace

bool is_instrumented(std::uintptr_t pc) noexcept {
  const std::size_t count = range_count.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    if (pc >= ranges[i].low.load(std::memory_order_relaxed) && pc < ranges[i].high.load(std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void instrumented_code_arrived() noexcept {
  if (!race::engine_is_native()) return;
  heap::watch();
  looking.lock();
  dl_iterate_phdr(look_at, nullptr);
  follow_tbb();
  follow_glib();
  follow_qt();
  looking.unlock();
}

}  // namespace vigil::shim
