#include "interpose/race/own_thread_local.hpp"

#include <link.h>

#include <cstddef>

#include "interpose/threads.hpp"

namespace vigil::shim::race {
namespace {

struct OwnSearch {
  std::uintptr_t address;
  bool found = false;
};

int look_for_own(dl_phdr_info* module, std::size_t size, void* context) noexcept {
  auto& search = *static_cast<OwnSearch*>(context);
  if (size < offsetof(dl_phdr_info, dlpi_tls_data) + sizeof(module->dlpi_tls_data)) return 1;
  const auto begin = reinterpret_cast<std::uintptr_t>(module->dlpi_tls_data);  // of the thread that asks
  if (begin == 0 || search.address < begin) return 0;
  for (std::size_t i = 0; i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = module->dlpi_phdr[i];
    if (segment.p_type == PT_TLS && search.address - begin < segment.p_memsz) search.found = true;
  }
  return search.found ? 1 : 0;
}

}  // namespace

bool is_own_thread_local(std::uintptr_t address) noexcept {
  OwnSearch search{.address = address};
  dl_iterate_phdr(look_for_own, &search);
  return search.found;
}

bool took_turns(const Actor& newer, const ActorInfo& older, std::uintptr_t address) noexcept {
  const Actor& thread = this_thread();
  if (thread.thread == nullptr || !thread.thread->is_worker.load(std::memory_order_relaxed)) return false;
  const bool newer_fits = newer.type == ActorType::Task || &newer == &thread;
  const bool older_fits = older.type == ActorType::Task || older.id == thread.id;
  return newer_fits && older_fits && is_own_thread_local(address);
}

}  // namespace vigil::shim::race
