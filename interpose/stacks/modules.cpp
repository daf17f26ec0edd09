// Records are appended under the lock and never change but for `live`; readers look without it.
#include "interpose/stacks/modules.hpp"

#include <dlfcn.h>
#include <link.h>
#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string_view>

#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/stacks/elf_image.hpp"
#include "interpose/stacks/unwind_rule.hpp"

namespace vigil::shim {

namespace detail {
constinit std::atomic<std::uint32_t> modules_generation{0};  // relaxed, as RuleCache's
}  // namespace detail

constinit CodeRange shim_code;
constinit CodeRange runtime_code;

namespace {

struct Module {
  ModuleInfo info{};
  std::uintptr_t begin = 0;  // [begin, end): where it is, or was, mapped
  std::uintptr_t end = 0;
  const link_map* link = nullptr;  // compared, and read only while the module is live
  std::uint64_t identity = 0;
  std::atomic<bool> live{true};  // relaxed: set under the lock; who reads it late finds what was true a moment ago
};

constexpr std::size_t kMostModules = 4096;  // ever seen, not at once; code beyond is in "no module"
constinit std::array<std::atomic<Module*>, kMostModules> modules{};
constinit std::atomic<std::uint32_t> count{0};  // release when a record is complete, acquire by who indexes modules
constinit FutexLock lock;                       // of appending, and of `live`

struct Found {
  std::uintptr_t begin;
  std::uintptr_t end;
  const link_map* link;
  [[nodiscard]] bool is_program() const noexcept { return link->l_name[0] == '\0' && link->l_prev == nullptr; }
};

bool find(std::uintptr_t pc, Found& out) noexcept {
  dl_find_object object{};
  if (_dl_find_object(reinterpret_cast<void*>(pc), &object) != 0 || object.dlfo_link_map == nullptr) return false;
  out = {reinterpret_cast<std::uintptr_t>(object.dlfo_map_start), reinterpret_cast<std::uintptr_t>(object.dlfo_map_end),
         object.dlfo_link_map};
  return true;
}

std::string_view base_name(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view path_of(const Found& found) noexcept {
  if (!found.is_program()) {
    const std::string_view name = found.link->l_name;
    return name.find('/') == std::string_view::npos ? keep_text(name) : keep_absolute(name);  // the vdso has no file
  }
  std::array<char, 4096> path{};
  const long bytes = raw_syscall(SYS_readlink, reinterpret_cast<long>("/proc/self/exe"),
                                 reinterpret_cast<long>(path.data()), static_cast<long>(path.size()));
  return keep_text({path.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0});
}

std::string_view hex(std::span<const std::uint8_t> bytes) noexcept {
  std::array<char, 128> text{};
  std::size_t length = 0;
  for (const std::uint8_t byte : bytes) {
    if (length + 2 > text.size()) break;
    text[length++] = "0123456789abcdef"[byte >> 4U];
    text[length++] = "0123456789abcdef"[byte & 0xfU];
  }
  return keep_text({text.data(), length});
}

std::uint64_t hash_text(std::string_view text) noexcept {  // FNV-1a: stable, and short names are all it meets
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return hash;
}

bool same(const Module& module, const Found& found) noexcept {
  return module.live.load(std::memory_order_relaxed) && module.begin == found.begin && module.end == found.end &&
         module.link == found.link && module.info.bias == found.link->l_addr;
}

std::uint32_t number_of(const Found& found) noexcept {
  for (std::uint32_t n = count.load(std::memory_order_acquire); n > 0; --n) {
    if (same(*modules[n - 1].load(std::memory_order_relaxed), found)) return n;
  }
  return 0;
}

std::uint32_t add(const Found& found) noexcept {
  const std::uint32_t n = count.load(std::memory_order_relaxed);
  if (n == kMostModules) return 0;
  Module* const module = own_new<Module>();
  const std::string_view path = path_of(found);
  const std::string_view name = base_name(path);
  const std::string_view build_id = hex(build_id_of(found.begin, found.link->l_addr));
  const bool holds_us = shim_code.holds(found.begin);
  module->info = {.path = path.data(),
                  .build_id = build_id.data(),
                  .bias = found.link->l_addr,
                  .size = found.end - found.begin,
                  .is_program = found.is_program(),
                  // The fiber library's only frame is the bottom of every task; nobody's own code is in it.
                  .is_vigil = holds_us || name.starts_with("libvigil.so") || name.starts_with("libvigil_") ||
                              name.starts_with("libboost_context.so")};
  module->begin = found.begin;
  module->end = found.end;
  module->link = found.link;
  module->identity = hash_text(build_id.empty() ? name : build_id);
  modules[n].store(module, std::memory_order_relaxed);
  count.store(n + 1, std::memory_order_release);
  return n + 1;
}

void find_ourselves() noexcept {
  Found found{};
  if (find(reinterpret_cast<std::uintptr_t>(&find_ourselves), found) && !found.is_program()) {
    shim_code.set(found.begin, found.end);
  }
}

// Looks for libvigil.so among all that is loaded, under the loader's lock.
void find_runtime() noexcept {
  dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void*) -> int {
        if (!base_name(object->dlpi_name).starts_with("libvigil.so")) return 0;
        Found found{};
        for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
          if (object->dlpi_phdr[i].p_type != PT_LOAD) continue;
          if (find(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr, found)) break;
        }
        runtime_code.set(found.begin, found.end);
        return 1;
      },
      nullptr);
}

// Marks the modules that are gone. Returns whether there was one.
bool bury() noexcept {
  bool any = false;
  const std::uint32_t n = count.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < n; ++i) {
    Module& module = *modules[i].load(std::memory_order_relaxed);
    if (!module.live.load(std::memory_order_relaxed)) continue;
    Found found{};
    if (find(module.begin, found) && same(module, found)) continue;
    module.live.store(false, std::memory_order_relaxed);
    any = true;
  }
  return any;
}

}  // namespace

void modules_changed() noexcept {
  if (!shim_code.holds(reinterpret_cast<std::uintptr_t>(&find_ourselves))) find_ourselves();
  // Also after a dlopen: a pc for which nothing was found before may have a table now.
  unwind::rule_cache.forget();
  if (runtime_code.low.load(std::memory_order_relaxed) == 0) find_runtime();
  const std::lock_guard held(lock);
  if (bury()) detail::modules_generation.fetch_add(1, std::memory_order_relaxed);
}

std::uint32_t module_at(std::uintptr_t pc) noexcept {
  Found found{};
  if (!find(pc, found)) return 0;
  if (const std::uint32_t known = number_of(found); known != 0) return known;
  const std::lock_guard held(lock);
  if (const std::uint32_t known = number_of(found); known != 0) return known;
  // Another module where one was: a dlclose that no wrapper saw.
  if (bury()) {
    unwind::rule_cache.forget();
    detail::modules_generation.fetch_add(1, std::memory_order_relaxed);
  }
  return add(found);
}

std::uintptr_t image_of(std::uint32_t module) noexcept {
  const Module& known = *modules[module - 1].load(std::memory_order_relaxed);
  return known.live.load(std::memory_order_relaxed) ? known.begin : 0;
}

std::uint64_t module_identity(std::uint32_t module) noexcept {
  return module == 0 ? 0 : modules[module - 1].load(std::memory_order_relaxed)->identity;
}

ModuleOffset locate(std::uintptr_t pc) noexcept {
  std::uint32_t number = module_at(pc);
  // Nothing there now: the last one that was.
  for (std::uint32_t n = count.load(std::memory_order_acquire); number == 0 && n > 0; --n) {
    const Module& module = *modules[n - 1].load(std::memory_order_relaxed);
    if (pc >= module.begin && pc < module.end) number = n;
  }
  return {number, number == 0 ? pc : pc - module_info(number).bias};
}

std::uint32_t module_count() noexcept { return count.load(std::memory_order_acquire); }

const ModuleInfo& module_info(std::uint32_t module) noexcept {
  return modules[module - 1].load(std::memory_order_relaxed)->info;
}

}  // namespace vigil::shim
