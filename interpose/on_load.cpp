// The shim's constructor. In a file of its own: the unit tests link everything but this and the wrappers.
#include <cerrno>

#include "interpose/lifecycle.hpp"
#include "interpose/openmp_modules.hpp"
#include "interpose/race/tsan_bridge.hpp"

namespace vigil::shim {
namespace {

__attribute__((constructor)) void on_load() noexcept {
  const int saved_errno = errno;
  {
    const InsideGuard inside;
    const bool live = ensure_live();
    if (race::bridge::is_on()) {
      race::bridge::module_arrived();  // the program's came before libc was ready
    } else if (live) {
      follow_openmp();
    }
  }
  errno = saved_errno;
}

}  // namespace
}  // namespace vigil::shim
