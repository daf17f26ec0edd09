// The shim's constructor. In a file of its own: the unit tests link everything but this and the wrappers.
#include <cerrno>

#include "interpose/lifecycle.hpp"

namespace vigil::shim {
namespace {

__attribute__((constructor)) void on_load() noexcept {
  const int saved_errno = errno;
  {
    const InsideGuard inside;
    ensure_live();
  }
  errno = saved_errno;
}

}  // namespace
}  // namespace vigil::shim
