#include "interpose/loading.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

#include "interpose/futex_lock.hpp"
#include "interpose/imports.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/order.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::loading {
namespace {

thread_local constinit bool has_asked __attribute__((tls_model("initial-exec"))) = false;

// What constructors had done when they were done.
constinit FutexLock past_lock;
constinit order::Point past;  // guarded by past_lock

using Constructor = void (*)(int, char**, char**);

// The last constructors of modules that are being loaded. Each place has a function of its own that calls what is
// there: constructors are not told whose they are.
constexpr std::size_t kPlaces = 64;  // of more at once, they are called as they are
constinit std::array<std::atomic<Constructor>, kPlaces> last_constructors{};

template <std::size_t kPlace>
void run_last(int count, char** arguments, char** environment) {
  last_constructors[kPlace].exchange(nullptr, std::memory_order_relaxed)(count, arguments, environment);
  record([] {
    if (order::needs() == 0) return;
    past_lock.lock();
    order::release_merge(current_actor().clocks, past);
    past_lock.unlock();
  });
}
constexpr auto kRunners = []<std::size_t... kPlace>(std::index_sequence<kPlace...>) {
  return std::array<Constructor, kPlaces>{run_last<kPlace>...};
}
(std::make_index_sequence<kPlaces>());

// Where the modules lie that have been looked at. Guarded by its lock.
struct Modules {
  FutexLock lock;
  OwnVector<std::uintptr_t> known;
};
constinit std::atomic<Modules*> made{nullptr};

Modules& modules() noexcept {
  Modules* known = made.load(std::memory_order_acquire);  // pairs with the exchange below
  if (known != nullptr) return *known;
  auto* const fresh = own_new<Modules>();
  if (made.compare_exchange_strong(known, fresh, std::memory_order_acq_rel)) return *fresh;
  own_delete(fresh);
  return *known;
}

bool is_new(std::uintptr_t base) noexcept {
  bool fresh = false;
  record([&] {
    Modules& all = modules();
    all.lock.lock();
    fresh = std::find(all.known.begin(), all.known.end(), base) == all.known.end();
    if (fresh) all.known.push_back(base);
    all.lock.unlock();
  });
  return fresh;
}

int note_base(dl_phdr_info* module, std::size_t /*size*/, void* bases) noexcept {
  record([&] { static_cast<OwnVector<std::uintptr_t>*>(bases)->push_back(module->dlpi_addr); });
  return 0;
}

struct Constructors {
  void** first = nullptr;
  std::size_t count = 0;
};
Constructors constructors_of(const dl_phdr_info& module) noexcept {
  Constructors found;
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    if (module.dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(module.dlpi_addr + module.dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_INIT_ARRAY) found.first = reinterpret_cast<void**>(module.dlpi_addr + entry->d_un.d_ptr);
      if (entry->d_tag == DT_INIT_ARRAYSZ) found.count = entry->d_un.d_val / sizeof(void*);
    }
  }
  return found;
}

}  // namespace

void is_there(const dl_phdr_info& module) noexcept {
  if (!is_new(module.dlpi_addr) || !is_concurrent()) return;
  const Constructors all = constructors_of(module);
  // The first is at work, or was the only one.
  if (all.first == nullptr || all.count < 2) return;
  void** const last = &all.first[all.count - 1];
  for (std::size_t i = 0; i < kPlaces; ++i) {
    Constructor expected = nullptr;
    if (!last_constructors[i].compare_exchange_strong(expected, reinterpret_cast<Constructor>(*last))) continue;
    redirect(module, last, reinterpret_cast<void*>(kRunners[i]));
    return;
  }
}

void closed() noexcept {
  OwnVector<std::uintptr_t> bases;
  dl_iterate_phdr(note_base, &bases);
  record([&] {
    Modules& all = modules();
    all.lock.lock();
    std::erase_if(all.known,
                  [&](std::uintptr_t base) { return std::find(bases.begin(), bases.end(), base) == bases.end(); });
    all.lock.unlock();
    bases = {};
  });
}

void asked() noexcept { has_asked = true; }

bool may_order(race::Epoch older) noexcept {
  if (!has_asked) return false;
  past_lock.lock();
  const bool ordered = race::happened_before(older, past.whole);
  past_lock.unlock();
  return ordered;
}

}  // namespace vigil::shim::loading
