// channel_send() and channel_receive(), the operations so short that the call of an empty probe was 2 % of one: GNU
// indirect functions. When the dynamic linker binds a caller to one, it runs the resolver below, which says which body
// it is: the one that calls its probe, or the one that does not because the linker has bound that probe to the empty
// default. So what the linker decided about the probe decides here too; the runtime keeps no flag and takes no branch.
//
// Invariants:
//   I1  Told is right always, Silent only without a watcher. A resolver can run before this library is relocated (its
//       caller is bound early, as in a library that does not name it among those it needs): the table's entry is then
//       still null, which is not the default's address, and the caller gets Told.
//   I2  A resolver calls nothing, and reads nothing but the entry: addresses within the library are relative to the
//       instruction. So this file is compiled without whatever adds calls, a sanitizer first of all (CMakeLists.txt).
//   I3  A caller is bound once, and so is the probe, when the library is relocated: neither changes later.
#include "runtime/src/channel_core.hpp"
#include "runtime/src/probe_defaults.hpp"
#include "vigil/probe.h"

namespace vigil::detail {
namespace {

using Probe = void(vigil_probe_actor*, const void*, size_t) noexcept;

// Compilers take two names for two functions and would answer by themselves.
[[gnu::always_inline]] inline bool nobody_hears(Probe* bound, Probe* empty) noexcept {
  asm("" : "+r"(bound));
  return bound == empty;
}

}  // namespace

// extern "C", since the attribute wants the name that the linker sees.
extern "C" {
using Send = void(ChannelCore* core, void* item);
Send* vigil_choose_channel_send() noexcept {
  return nobody_hears(&vigil_probe_channel_send, &vigil_empty_channel_send) ? &channel_send_silently
                                                                            : &channel_send_told;
}
using Receive = bool(ChannelCore* core, void* to);
Receive* vigil_choose_channel_receive() noexcept {
  return nobody_hears(&vigil_probe_channel_receive, &vigil_empty_channel_receive) ? &channel_receive_silently
                                                                                  : &channel_receive_told;
}
}

__attribute__((ifunc("vigil_choose_channel_send"))) void channel_send(ChannelCore* core, void* item);
__attribute__((ifunc("vigil_choose_channel_receive"))) bool channel_receive(ChannelCore* core, void* to);

}  // namespace vigil::detail
