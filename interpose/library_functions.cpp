#include "interpose/library_functions.hpp"

#include <dlfcn.h>
#include <link.h>

#include <cstddef>
#include <string_view>

#include "interpose/imports.hpp"

namespace vigil::shim::library_functions {
namespace {

const void* library_of(const void* function) noexcept {
  Dl_info info;
  return function != nullptr && dladdr(function, &info) != 0 ? info.dli_fbase : nullptr;
}

// Every module that calls them, instrumented or not: one whose lock is taken by the one and given back by the other.
int follow_calls_of(dl_phdr_info* module, std::size_t /*size*/, void* given) noexcept {
  RowOf* const row_of = *static_cast<RowOf**>(given);
  each_import(*module, imports_of(*module), [&](std::string_view name, void** slot) {
    const Replacement* const replacement = row_of(name);
    if (replacement == nullptr) return;
    void* const found = dlsym(RTLD_DEFAULT, replacement->name);
    if (found == nullptr || library_of(found) == library_of(slot)) return;
    if (*replacement->real == nullptr) *replacement->real = found;
    if (*replacement->real == found) redirect(*module, slot, replacement->ours);
  });
  return 0;
}

}  // namespace

void follow_calls(RowOf* row_of) noexcept { dl_iterate_phdr(follow_calls_of, &row_of); }

}  // namespace vigil::shim::library_functions
