// Objects with virtual functions: all that both sides touch is the object's first word, which leads to their table.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "test/interpose/instrument/order_cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::one_after_the_other;

class Shape;
// relaxed or release: what each case is about.
std::atomic<Shape*> published{nullptr};

class Shape {
 public:
  Shape() { published.store(this, std::memory_order_relaxed); }
  Shape(const Shape&) = delete;
  Shape& operator=(const Shape&) = delete;
  // Not inlined, and not empty: a store to an object whose end is in sight is left out.
  [[gnu::noinline]] virtual ~Shape() { asm volatile("" : : "r"(this) : "memory"); }
  [[nodiscard]] virtual int corners() const { return 0; }
};
class Square : public Shape {
 public:
  ~Square() override { asm volatile("" : : "r"(this) : "memory"); }
  [[nodiscard]] int corners() const override { return 4; }
};

// Of no one's stack, and never freed.
alignas(Square) std::byte room[sizeof(Square)];

[[gnu::noinline]] int corners_of(const Shape* shape) { return shape->corners(); }
void demand(bool holds) {
  if (!holds) std::abort();
}

void race_virtual_call_beside_the_destructor() {
  auto* const square = new (room) Square;
  one_after_the_other([&] { demand(corners_of(square) == 4); }, [&] { square->~Square(); });
}
void race_virtual_call_after_the_destructor() {
  auto* const square = new (room) Square;
  one_after_the_other([&] { square->~Square(); }, [&] { demand(corners_of(square) == 0); });
}
// The base's constructor hands the object out before it is one of the derived class.
void race_virtual_call_of_what_a_constructor_published() {
  one_after_the_other([] { new (room) Square; },
                      [] { demand(corners_of(published.load(std::memory_order_relaxed)) == 4); });
}
void clean_virtual_calls_beside_each_other() {
  auto* const square = new (room) Square;
  one_after_the_other([&] { demand(corners_of(square) == 4); }, [&] { demand(corners_of(square) == 4); });
}
void clean_virtual_call_of_what_was_published_whole() {
  static std::atomic<Shape*> whole{nullptr};
  one_after_the_other([] { whole.store(new (room) Square, std::memory_order_release); },
                      [] { demand(corners_of(whole.load(std::memory_order_acquire)) == 4); });
}

constexpr Case kCases[] = {
    VIGIL_CASE(race_virtual_call_beside_the_destructor),           VIGIL_CASE(race_virtual_call_after_the_destructor),
    VIGIL_CASE(race_virtual_call_of_what_a_constructor_published), VIGIL_CASE(clean_virtual_calls_beside_each_other),
    VIGIL_CASE(clean_virtual_call_of_what_was_published_whole),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::object_cases() { return kCases; }
