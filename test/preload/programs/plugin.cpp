// Code that was not there when the program started: opened by plugin_host with dlopen.
#include <vigil/vigil.hpp>

#include <cstdio>

namespace {

[[gnu::noinline]] void watch(const vigil::Channel<int>& changes) {
  (void)changes.receive();  // frame: plugin
  std::puts("changed");
}

}  // namespace

extern "C" [[gnu::visibility("default")]] void plugin_start() {
  const vigil::Channel<int> changes(0);
  vigil::go([changes] {  // frame: created
    watch(changes);
    std::puts("never");
  });
}
