// Every construct for which a compiler calls a __tsan_* entry point, so that links_test.py can compare the calls with
// what libvigil_instrument.so offers. Run, it prints what the program would print without instrumentation.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

__extension__ using Wide = unsigned __int128;

// Out of the compiler's sight, so that every access is made.
template <class T>
[[gnu::noinline]] void touch(T* at) {
  *at = static_cast<T>(*at + 1);
}
template <class T>
[[gnu::noinline]] void touch_volatile(volatile T* at) {
  *at = static_cast<T>(*at + 1);
}
template <class T>
struct [[gnu::packed]] Crooked {
  char before;
  T value;
};
template <class T>
[[gnu::noinline]] void touch_crooked(Crooked<T>* at) {
  at->value = static_cast<T>(at->value + 1);
}
template <class T>
[[gnu::noinline]] void touch_crooked_volatile(volatile Crooked<T>* at) {
  at->value = static_cast<T>(at->value + 1);
}

template <class T>
[[gnu::noinline]] T atomics(T* at, std::memory_order order) {
  T expected = 0;
  __atomic_store_n(at, T{5}, __ATOMIC_RELEASE);
  T sum = __atomic_load_n(at, __ATOMIC_ACQUIRE);
  sum = static_cast<T>(sum + __atomic_exchange_n(at, T{6}, __ATOMIC_RELAXED));
  sum = static_cast<T>(sum + __atomic_fetch_add(at, T{3}, __ATOMIC_SEQ_CST));
  sum = static_cast<T>(sum + __atomic_fetch_sub(at, T{2}, __ATOMIC_SEQ_CST));
  sum = static_cast<T>(sum + __atomic_fetch_and(at, T{7}, __ATOMIC_SEQ_CST));
  sum = static_cast<T>(sum + __atomic_fetch_or(at, T{8}, __ATOMIC_SEQ_CST));
  sum = static_cast<T>(sum + __atomic_fetch_xor(at, T{1}, __ATOMIC_SEQ_CST));
  sum = static_cast<T>(sum + __atomic_fetch_nand(at, T{3}, static_cast<int>(order)));
  sum =
      static_cast<T>(sum + __atomic_compare_exchange_n(at, &expected, T{1}, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  sum =
      static_cast<T>(sum + __atomic_compare_exchange_n(at, &expected, T{9}, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  return static_cast<T>(sum + __atomic_load_n(at, __ATOMIC_SEQ_CST));
}

struct Base {
  Base() = default;
  Base(const Base&) = delete;
  Base& operator=(const Base&) = delete;
  virtual ~Base() { ++destroyed; }
  [[nodiscard]] virtual int name() const { return 1; }
  static inline int destroyed = 0;
};
struct Derived : Base {
  ~Derived() override { destroyed += 10; }
  [[nodiscard]] int name() const override { return 2; }
};
[[gnu::noinline]] int call(const Base* object) { return object->name(); }

struct Odd {
  char bytes[13];
};
[[gnu::noinline]] void copy_odd(Odd* to, const Odd* from) { *to = *from; }
[[gnu::noinline]] void copies(char* to, const char* from, std::size_t bytes) {
  std::memset(to, 'x', bytes);
  std::memcpy(to, from, bytes / 2);
  std::memmove(to + 1, to, bytes / 2);
  std::memcpy(to + 2, from, 5);
}

template <class T>
unsigned all_of(std::memory_order order) {
  T plain = 0;
  T* out_of_sight = &plain;
  asm("" : "+r"(out_of_sight));  // NOLINT(hicpp-no-assembler): hides where it points
  touch(out_of_sight);
  touch_volatile<T>(out_of_sight);
  Crooked<T> crooked{};
  Crooked<T>* hidden = &crooked;
  asm("" : "+r"(hidden));  // NOLINT(hicpp-no-assembler)
  touch_crooked(hidden);
  touch_crooked_volatile(hidden);
  T subject = 0;
  const T sum = atomics(&subject, order);
  return static_cast<unsigned>(plain) + static_cast<unsigned>(crooked.value) * 10 + static_cast<unsigned>(sum) * 100;
}

}  // namespace

int main(int argc, char** /*argv*/) {
  const auto order = argc > 1 ? std::memory_order_relaxed : std::memory_order_acq_rel;
  std::printf("%u %u %u %u %u\n", all_of<std::uint8_t>(order), all_of<std::uint16_t>(order),
              all_of<std::uint32_t>(order), all_of<std::uint64_t>(order), all_of<Wide>(order));
  Base* object = new Derived;
  const int named = call(object);
  delete object;
  Odd from{"twelve bytes"};
  Odd to{};
  copy_odd(&to, &from);
  char text[16] = {};
  copies(text, "0123456789abcdef", sizeof(text));
  std::atomic_thread_fence(std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_acquire);
  std::printf("%d %d %s %.16s\n", named, Base::destroyed, to.bytes, text);
  return 0;
}
