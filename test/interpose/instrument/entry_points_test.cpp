// The atomic entry points against plain arithmetic, for every size, operation and order. Runs by itself with
// libvigil_instrument.so, and once more under the shim, whose entry points then come first.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <thread>

namespace {

__extension__ using Wide = unsigned __int128;

constexpr int kExclusiveHint = 1 << 16;  // g++'s bits above the order
constexpr std::array kOrders{__ATOMIC_RELAXED,
                             __ATOMIC_CONSUME,
                             __ATOMIC_ACQUIRE,
                             __ATOMIC_RELEASE,
                             __ATOMIC_ACQ_REL,
                             __ATOMIC_SEQ_CST,
                             __ATOMIC_SEQ_CST | kExclusiveHint};

template <class T, class Function>
Function* entry(const char* operation) {
  const std::string name = "__tsan_atomic" + std::to_string(8 * sizeof(T)) + "_" + operation;
  void* const found = dlsym(RTLD_DEFAULT, name.c_str());
  EXPECT_NE(found, nullptr) << name;
  return reinterpret_cast<Function*>(found);
}

template <class T>
using Change = T(volatile T*, T, int);

template <class T>
struct Row {
  const char* operation;
  T (*expected)(T before, T value);
};
template <class T>
constexpr std::array<Row<T>, 7> kRows{{
    {"exchange", [](T /*before*/, T value) { return value; }},
    {"fetch_add", [](T before, T value) { return static_cast<T>(before + value); }},
    {"fetch_sub", [](T before, T value) { return static_cast<T>(before - value); }},
    {"fetch_and", [](T before, T value) { return static_cast<T>(before & value); }},
    {"fetch_or", [](T before, T value) { return static_cast<T>(before | value); }},
    {"fetch_xor", [](T before, T value) { return static_cast<T>(before ^ value); }},
    {"fetch_nand", [](T before, T value) { return static_cast<T>(~(before & value)); }},
}};

// An object between two that must stay as they are.
template <class T>
struct Guarded {
  T before = static_cast<T>(0x5a);
  alignas(T) T object = 0;
  T after = static_cast<T>(0xa5);
  [[nodiscard]] bool intact() const { return before == static_cast<T>(0x5a) && after == static_cast<T>(0xa5); }
};

template <class T>
class AtomicEntryPoints : public testing::Test {
 protected:
  T any() { return static_cast<T>(static_cast<Wide>(random_()) << 64U | random_()); }

 private:
  std::mt19937_64 random_{20261121};  // any fixed seed
};

using Sizes = testing::Types<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, Wide>;
TYPED_TEST_SUITE(AtomicEntryPoints, Sizes);

TYPED_TEST(AtomicEntryPoints, ChangeWhatTheirNamesSay) {
  using T = TypeParam;
  for (const Row<T>& row : kRows<T>) {
    auto* const operation = entry<T, Change<T>>(row.operation);
    for (const int order : kOrders) {
      Guarded<T> at;
      const T before = at.object = this->any();
      const T value = this->any();
      EXPECT_TRUE(operation(&at.object, value, order) == before) << row.operation << " order " << order;
      EXPECT_TRUE(at.object == row.expected(before, value)) << row.operation << " order " << order;
      EXPECT_TRUE(at.intact()) << row.operation;
    }
  }
}

TYPED_TEST(AtomicEntryPoints, LoadAndStore) {
  using T = TypeParam;
  auto* const load = entry<T, T(const volatile T*, int)>("load");
  auto* const store = entry<T, void(volatile T*, T, int)>("store");
  for (const int order : kOrders) {
    Guarded<T> at;
    const T value = this->any();
    store(&at.object, value, order);
    EXPECT_TRUE(at.object == value) << order;
    EXPECT_TRUE(load(&at.object, order) == value) << order;
    EXPECT_TRUE(at.object == value && at.intact()) << order;
  }
}

TYPED_TEST(AtomicEntryPoints, CompareExchangeStoresOnlyWhatWasExpected) {
  using T = TypeParam;
  for (const char* const form : {"compare_exchange_strong", "compare_exchange_weak"}) {
    auto* const exchange = entry<T, int(volatile T*, T*, T, int, int)>(form);
    for (const int order : kOrders) {
      Guarded<T> at;
      const T before = at.object = this->any();
      const T wanted = this->any();
      T wrong = static_cast<T>(before + 1);
      EXPECT_EQ(exchange(&at.object, &wrong, wanted, order, __ATOMIC_RELAXED), 0) << form;
      EXPECT_TRUE(wrong == before && at.object == before) << form;
      T right = before;
      EXPECT_EQ(exchange(&at.object, &right, wanted, order, __ATOMIC_RELAXED), 1) << form;
      EXPECT_TRUE(right == before && at.object == wanted && at.intact()) << form;
    }
  }
  auto* const exchange = entry<T, T(volatile T*, T, T, int, int)>("compare_exchange_val");
  Guarded<T> at;
  const T before = at.object = this->any();
  const T wanted = this->any();
  EXPECT_TRUE(exchange(&at.object, static_cast<T>(before + 1), wanted, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE) == before);
  EXPECT_TRUE(at.object == before);
  EXPECT_TRUE(exchange(&at.object, before, wanted, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE) == before);
  EXPECT_TRUE(at.object == wanted && at.intact());
}

TYPED_TEST(AtomicEntryPoints, LoseNoUpdateOfTwoThreads) {
  using T = TypeParam;
  constexpr unsigned kRounds = 20'000;
  auto* const add = entry<T, Change<T>>("fetch_add");
  auto* const exchange = entry<T, int(volatile T*, T*, T, int, int)>("compare_exchange_strong");
  Guarded<T> at;
  const auto work = [&] {
    for (unsigned i = 0; i < kRounds; ++i) {
      add(&at.object, T{1}, __ATOMIC_RELAXED);
      T seen = 0;
      while (exchange(&at.object, &seen, static_cast<T>(seen + 1), __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) == 0) {
      }
    }
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_TRUE(at.object == static_cast<T>(4 * kRounds));
  EXPECT_TRUE(at.intact());
}

TEST(EntryPoints, CopiesAreReal) {
  using Copy = void*(void*, const void*, std::size_t);
  for (const char* const name : {"__tsan_memcpy", "__tsan_memmove"}) {
    std::array<char, 8> to{};
    const auto copy = reinterpret_cast<Copy*>(dlsym(RTLD_DEFAULT, name));
    ASSERT_NE(copy, nullptr);
    EXPECT_EQ(copy(to.data() + 1, "abcdef", 6), to.data() + 1);
    EXPECT_EQ(std::memcmp(to.data(), "\0abcdef\0", 8), 0) << name;
  }
  const auto set = reinterpret_cast<void* (*)(void*, int, std::size_t)>(dlsym(RTLD_DEFAULT, "__tsan_memset"));
  std::array<char, 4> to{};
  EXPECT_EQ(set(to.data() + 1, 'z', 2), to.data() + 1);
  EXPECT_EQ(std::memcmp(to.data(), "\0zz\0", 4), 0);
}

TEST(EntryPoints, TheInvisibleBarrierLetsNobodyThroughBeforeAllCame) {
  const auto init =
      reinterpret_cast<void (*)(std::uint64_t*, unsigned)>(dlsym(RTLD_DEFAULT, "__tsan_testonly_barrier_init"));
  const auto wait = reinterpret_cast<void (*)(std::uint64_t*)>(dlsym(RTLD_DEFAULT, "__tsan_testonly_barrier_wait"));
  ASSERT_TRUE(init != nullptr && wait != nullptr);
  constexpr int kParty = 3;
  constexpr int kRounds = 200;
  std::uint64_t barrier = 0;
  init(&barrier, kParty);
  std::array<std::atomic<int>, kParty> rounds{};
  const auto work = [&](std::size_t me) {
    for (int round = 1; round <= kRounds; ++round) {
      rounds[me] = round;
      wait(&barrier);
      for (const std::atomic<int>& other : rounds) EXPECT_TRUE(other == round || other == round + 1);
    }
  };
  std::thread second(work, 1);
  std::thread third(work, 2);
  work(0);
  second.join();
  third.join();
}

}  // namespace
