// A program with a malloc of its own, as those have that are linked to jemalloc: the shim's memory is none of it, and
// what one side allocates the other never frees. Prints whether that is so.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kArena = std::size_t{64} << 20;  // bytes; nothing is ever given back
constinit std::atomic<std::size_t> used{0};
constinit std::atomic<unsigned> freed{0};
constinit std::atomic<unsigned> strangers{0};  // pointers freed here that did not come from here
alignas(64) char arena[kArena];

void* take(std::size_t bytes, std::size_t alignment) {
  const std::size_t whole = 16 + alignment + ((bytes + 15) & ~std::size_t{15});
  const std::size_t at = used.fetch_add(whole, std::memory_order_relaxed);  // relaxed: only a place, nobody shares it
  if (at + whole > kArena) return nullptr;
  char* const begin = arena + at + 16;
  char* const aligned = begin + (alignment - reinterpret_cast<std::size_t>(begin) % alignment) % alignment;
  std::memcpy(aligned - 8, &bytes, sizeof bytes);
  return aligned;
}

}  // namespace

extern "C" {
void* malloc(std::size_t bytes) { return take(bytes, 16); }
void free(void* memory) {
  if (memory == nullptr) return;
  ++freed;
  if (memory < arena || memory >= arena + kArena) ++strangers;
}
void* calloc(std::size_t count, std::size_t bytes) { return take(count * bytes, 16); }  // the arena is zero
void* realloc(void* before, std::size_t bytes) {
  void* const after = take(bytes, 16);
  if (before != nullptr && after != nullptr) {
    std::size_t old = 0;
    std::memcpy(&old, static_cast<char*>(before) - 8, sizeof old);
    std::memcpy(after, before, old < bytes ? old : bytes);
    free(before);
  }
  return after;
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return take(bytes, alignment); }
void* memalign(std::size_t alignment, std::size_t bytes) { return take(bytes, alignment); }
int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) {
  *out = take(bytes, alignment);
  return *out == nullptr ? ENOMEM : 0;
}
}

int main() {
  std::mutex lock;
  std::vector<std::string> words;
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 100; ++j) {
        const std::scoped_lock held(lock);
        words.push_back(std::to_string(i) + std::string(100, 'x'));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%zu words, freed some: %d, strangers freed: %u\n", words.size(), freed > 0 ? 1 : 0, strangers.load());
  return used < kArena ? 0 : 1;
}
