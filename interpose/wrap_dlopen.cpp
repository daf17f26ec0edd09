// Wrapper of dlopen(), which must be a jump (loading.hpp). Compiled with optimisation in every preset.
#include <dlfcn.h>

#include "interpose/export.hpp"
#include "interpose/loading.hpp"
#include "interpose/real_function.hpp"

using namespace vigil::shim;  // the wrapper stands outside every namespace

namespace {
constinit std::atomic<void* (*)(const char*, int)> real_dlopen{nullptr};
}  // namespace

extern "C" VIGIL_EXPORT void* dlopen(const char* name, int mode) noexcept {
  loading::asked();
  return find_once(&find_next, real_dlopen, "dlopen")(name, mode);
}
