#include "interpose/race/own_thread_local.hpp"

#include <link.h>

#include <cstddef>

#include "interpose/threads.hpp"

namespace vigil::shim::race {
namespace {

struct Search {
  std::uintptr_t address;
  bool found = false;
};

int look_into_module(dl_phdr_info* module, std::size_t size, void* context) noexcept {
  auto& search = *static_cast<Search*>(context);
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
  Search search{.address = address};
  dl_iterate_phdr(look_into_module, &search);
  return search.found;
}

bool took_turns(const Actor& newer, ActorType older, std::uintptr_t address) noexcept {
  const bool is_worker = newer.thread != nullptr && newer.thread->is_worker.load(std::memory_order_relaxed);
  if (newer.type != ActorType::Task && !is_worker) return false;
  return older == ActorType::Task && is_own_thread_local(address);
}

}  // namespace vigil::shim::race
