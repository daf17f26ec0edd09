// A library with operators new and delete of its own, as jemalloc and tcmalloc have them: memory that no malloc() gave,
// and that is handed out again at once, to whoever asks.
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <mutex>
#include <new>

namespace {

struct Free {
  Free* next;
};
constexpr std::size_t kSizes = 48;  // powers of two
constexpr std::size_t kSmallest = 16;
constexpr std::size_t kChunk = std::size_t{1} << 20U;

// One that nobody sees: a mutex would order who gives a block back before who gets it.
class Spin {
 public:
  void lock() noexcept {
    while (held_.test_and_set(std::memory_order_acquire)) sched_yield();
  }
  void unlock() noexcept { held_.clear(std::memory_order_release); }

 private:
  std::atomic_flag held_;
};
Spin lock;
std::array<Free*, kSizes> given_back{};  // guarded by lock
std::byte* chunk = nullptr;              // guarded by lock: what is left of it
std::size_t left = 0;                    // guarded by lock

// In front of each block, as much as keeps that aligned.
struct alignas(kSmallest) Header {
  std::size_t size_class;
};

void* take(std::size_t size) {
  const auto size_class =
      static_cast<std::size_t>(std::countr_zero(std::bit_ceil(std::max(size + sizeof(Header), 2 * kSmallest))));
  const std::size_t bytes = std::size_t{1} << size_class;
  const std::lock_guard held(lock);
  if (Free* const again = given_back[size_class]) {
    given_back[size_class] = again->next;
    return again;
  }
  if (bytes > left) {
    left = std::max(bytes, kChunk);
    void* const mapped = mmap(nullptr, left, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    chunk = static_cast<std::byte*>(mapped);
  }
  auto* const header = new (chunk) Header{size_class};
  chunk += bytes;
  left -= bytes;
  return header + 1;
}
void give_back(void* block) noexcept {
  if (block == nullptr) return;
  const std::size_t size_class = (static_cast<Header*>(block) - 1)->size_class;
  const std::lock_guard held(lock);
  given_back[size_class] = new (block) Free{given_back[size_class]};
}

}  // namespace

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
void operator delete(void* block) noexcept { give_back(block); }
void operator delete[](void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t) noexcept { give_back(block); }
