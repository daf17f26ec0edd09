// Races on objects of every sort, one for each name: what their reports say is compared by race_reports_test.py.
#include <array>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "test/interpose/instrument/order_cases.hpp"
#include "vigil/vigil.hpp"

namespace shop {
struct Till {
  int drawer;
  int total;
  static long sold;
};
long Till::sold;
Till till;
namespace {
int hidden;
}
}  // namespace shop

namespace {

using vigil::test::Case;
using vigil::test::one_after_the_other;

int counter;
thread_local int own;
std::mutex first_lock;
std::mutex second_lock;
std::shared_mutex book;

int& calls() {
  static int count;
  return count;
}

// Each access in a function with a name of its own; volatile, so that it stays one access.
template <class T>
[[gnu::noinline]] void put(T& at) {
  static_cast<volatile T&>(at) = 1;
}
template <class T>
[[gnu::noinline]] void get(const T& at) {
  const T seen = static_cast<const volatile T&>(at);
  asm volatile(""
               :
               : "r"(seen));  // NOLINT(hicpp-no-assembler): clang leaves out a volatile read whose value nobody uses
}
[[gnu::noinline]] std::unique_ptr<int> make_block() { return std::make_unique<int>(0); }
[[gnu::noinline]] void free_block(std::unique_ptr<int>& block) { block.reset(); }

template <class T>
void race_on(T& object) {
  one_after_the_other([&] { put(object); }, [&] { get(object); });
}

void global() { race_on(counter); }
void of_class() { race_on(shop::Till::sold); }
void of_anonymous_namespace() { race_on(shop::hidden); }
void of_function() { race_on(calls()); }
void member() { race_on(shop::till.total); }
void of_thread() { race_on(own); }
void block() {
  const auto owned = make_block();
  race_on(*owned);
}
void freed() {
  auto owned = make_block();
  int* const at = owned.get();
  one_after_the_other([&] { free_block(owned); }, [&] { get(*at); });
}

[[gnu::noinline]] void on_stack() {
  int results = 0;
  race_on(results);
}
struct Basket {
  long items[3] = {};
};
[[gnu::noinline]] void inside_local() {
  Basket basket;
  race_on(basket.items[2]);
}
void on_stack_of_task() {
  vigil::run([] {
    int gathered = 0;
    vigil::WaitGroup group;
    for (int i = 0; i < 2; ++i) group.go([&] { put(gathered); });
    group.wait();
  });
}

void lock_on_one_side() {
  one_after_the_other(
      [] {
        const std::scoped_lock held(first_lock);
        put(counter);
      },
      [] { get(counter); });
}
void different_locks() {
  one_after_the_other(
      [] {
        const std::scoped_lock held(first_lock);
        put(counter);
      },
      [] {
        const std::scoped_lock held(second_lock);
        get(counter);
      });
}
void write_under_read_lock() {
  // Two readers at once: the second comes while the first is inside.
  vigil::test::Meeting both_inside;
  std::thread other([&] {
    const std::shared_lock held(book);
    put(counter);
    both_inside.wait();
  });
  {
    const std::shared_lock held(book);
    both_inside.wait();
    get(counter);
  }
  other.join();
}

// Two names for one place: inlined into each other.
[[gnu::always_inline]] inline void innermost() { static_cast<volatile int&>(counter) = 1; }
[[gnu::always_inline]] inline void middle() { innermost(); }
[[gnu::noinline]] void outermost() { middle(); }
void inlined() {
  one_after_the_other([] { outermost(); }, [] { get(counter); });
}

// One place many times, and many objects: one finding.
void again_and_again() {
  static int many[100];
  one_after_the_other(
      [] {
        for (int& one : many) put(one);
      },
      [] {
        for (const int& one : many) get(one);
      });
}

// The program tells of it, and so does the instrumentation.
vigil::Traced<std::array<long, 3>> basket;
void traced() {
  one_after_the_other([] { basket = {1, 2, 3}; }, [] { static_cast<void>(basket.load()); });
}

constexpr Case kCases[] = {
    VIGIL_CASE(global),
    VIGIL_CASE(of_class),
    VIGIL_CASE(of_anonymous_namespace),
    VIGIL_CASE(of_function),
    VIGIL_CASE(member),
    VIGIL_CASE(of_thread),
    VIGIL_CASE(block),
    VIGIL_CASE(freed),
    VIGIL_CASE(on_stack),
    VIGIL_CASE(inside_local),
    VIGIL_CASE(on_stack_of_task),
    VIGIL_CASE(lock_on_one_side),
    VIGIL_CASE(different_locks),
    VIGIL_CASE(write_under_read_lock),
    VIGIL_CASE(inlined),
    VIGIL_CASE(again_and_again),
    VIGIL_CASE(traced),
};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
