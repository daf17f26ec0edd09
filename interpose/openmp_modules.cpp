#include "interpose/openmp_modules.hpp"

#include <dlfcn.h>
#include <link.h>

#include <string_view>

#include "interpose/imports.hpp"
#include "interpose/instrumented_code.hpp"

namespace vigil::shim {
namespace {

// libgomp.so.1, and under the names that packages give to copies of their own.
int is_libgomp(dl_phdr_info* module, std::size_t /*size*/, void* /*nothing*/) noexcept {
  std::string_view name = module->dlpi_name;
  name.remove_prefix(name.rfind('/') + 1);  // npos is -1: none
  return name.starts_with("libgomp") ? 1 : 0;
}

const void* module_of(const void* function) noexcept {
  Dl_info info;
  return function != nullptr && dladdr(function, &info) != 0 ? info.dli_fbase : nullptr;
}

const Replacement* replacement_for(std::string_view name) noexcept {
  if (!name.starts_with("GOMP_") && !name.starts_with("omp_")) return nullptr;
  for (const Replacement& one : openmp_replacements()) {
    if (name == one.name) return &one;
  }
  return nullptr;
}

int look_at(dl_phdr_info* module, std::size_t /*size*/, void* libgomp) noexcept {
  each_import(*module, imports_of(*module), [&](std::string_view name, void** slot) {
    const Replacement* const replacement = replacement_for(name);
    if (replacement == nullptr) return;
    // What the program defines by that name itself is none of ours.
    void* const found = dlsym(RTLD_DEFAULT, replacement->name);
    if (module_of(found) != libgomp) return;
    *replacement->real = found;
    redirect(*module, slot, replacement->ours);
  });
  return 0;
}

}  // namespace

void follow_openmp() noexcept {
  if (dl_iterate_phdr(is_libgomp, nullptr) == 0) return;
  // Where another runtime that has these names comes first, the program's calls go there.
  void* const first = dlsym(RTLD_DEFAULT, "GOMP_parallel");
  Dl_info libgomp;
  if (first == nullptr || dladdr(first, &libgomp) == 0) return;
  dl_iterate_phdr(look_at, libgomp.dli_fbase);
}

}  // namespace vigil::shim
