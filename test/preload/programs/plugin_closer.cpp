// plugin_closer PATH: a plugin takes two locks and is closed; only then the program takes them the other way round, in
// a thread that nothing orders after the plugin's but an atomic, which a plain build does not see.
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace {

pthread_mutex_t books = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t stock = PTHREAD_MUTEX_INITIALIZER;

bool is_mapped(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(path)) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::atomic<bool> is_closed{false};
  std::thread later([&] {
    while (!is_closed.load()) sched_yield();
    pthread_mutex_lock(&stock);
    pthread_mutex_lock(&books);
    pthread_mutex_unlock(&books);
    pthread_mutex_unlock(&stock);
  });
  void* const plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) std::_Exit(3);
  const auto take = reinterpret_cast<void (*)(pthread_mutex_t*, pthread_mutex_t*)>(dlsym(plugin, "plugin_take"));
  std::thread([&] { take(&books, &stock); }).join();
  std::puts(dlclose(plugin) == 0 && !is_mapped(argv[1]) ? "gone" : "still here");
  std::fflush(stdout);
  is_closed.store(true);
  later.join();
}
