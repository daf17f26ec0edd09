// plugin_closer PATH: a plugin takes two locks and is closed; only then the program takes them the other way round, in
// a thread that nothing orders after the plugin's but a byte in a pipe.
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cstdio>
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
  std::array<int, 2> ends{};
  if (argc < 2 || pipe(ends.data()) != 0) return 2;
  std::thread later([&] {
    char byte = 0;
    if (read(ends[0], &byte, 1) != 1) return;
    pthread_mutex_lock(&stock);
    pthread_mutex_lock(&books);
    pthread_mutex_unlock(&books);
    pthread_mutex_unlock(&stock);
  });
  void* const plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) return 3;
  const auto take = reinterpret_cast<void (*)(pthread_mutex_t*, pthread_mutex_t*)>(dlsym(plugin, "plugin_take"));
  std::thread([&] { take(&books, &stock); }).join();
  std::puts(dlclose(plugin) == 0 && !is_mapped(argv[1]) ? "gone" : "still here");
  std::fflush(stdout);
  const bool told = write(ends[1], "x", 1) == 1;
  later.join();
  return told ? 0 : 4;
}
