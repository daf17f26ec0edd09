// plugin_host PATH: opens a plugin and starts it. It does not use vigil itself: the runtime comes with the plugin.
#include <dlfcn.h>

#include <cstdio>

int main(int argc, char** argv) {
  void* const plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (plugin == nullptr) {
    std::fprintf(stderr, "plugin_host: %s\n", argc > 1 ? dlerror() : "needs a path");
    return 2;
  }
  const auto start = reinterpret_cast<void (*)()>(dlsym(plugin, "plugin_start"));
  if (start == nullptr) return 3;
  start();
  std::puts("started");
}
