#include "interpose/runtime_view.hpp"

#include <atomic>

#include "interpose/say.hpp"

namespace vigil::shim {
namespace {
constinit std::atomic<const vigil_probe_runtime*> attached{nullptr};
}

bool attach_runtime(const vigil_probe_runtime* table) noexcept {
  if (table == nullptr || table->version != VIGIL_PROBE_VERSION || !has(*table, &vigil_probe_runtime::counts)) {
    say("this program's libvigil.so and this shim are of different versions; its tasks are not watched");
    return false;
  }
  // release: pairs with the acquire in runtime(); the table was filled before.
  attached.store(table, std::memory_order_release);
  return true;
}

const vigil_probe_runtime* runtime() noexcept { return attached.load(std::memory_order_acquire); }

RuntimePause::RuntimePause(std::uint64_t timeout_ns) noexcept
    : paused_(runtime() != nullptr && runtime()->pause(timeout_ns) != 0) {}

RuntimePause::~RuntimePause() {
  if (paused_) runtime()->resume();
}

}  // namespace vigil::shim
