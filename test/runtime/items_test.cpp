// What C++ programs send over channels and start as tasks: items and functions of every kind that the concepts let
// through, and handlers that do what they please.
#include <gtest/gtest.h>

#include <any>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/vigil.hpp"

namespace vigil {
namespace {

// ---- items -------------------------------------------------------------------------------------------------------

struct Tracked {  // counts those alive
  static inline std::atomic<int> alive{0};
  explicit Tracked(int given) noexcept : value(given) { ++alive; }
  Tracked(const Tracked& other) noexcept : value(other.value) { ++alive; }
  Tracked(Tracked&& other) noexcept : value(std::exchange(other.value, -1)) { ++alive; }
  Tracked& operator=(const Tracked&) = delete;
  Tracked& operator=(Tracked&&) = delete;
  ~Tracked() { --alive; }
  int value;
};
struct WithConstMember {
  const int number;
  std::string name;
};
struct WithReference {
  int& refers_to;
};
struct MoveOnly {
  explicit MoveOnly(int value) : owned(std::make_unique<int>(value)) {}
  MoveOnly(MoveOnly&&) noexcept = default;
  MoveOnly& operator=(MoveOnly&&) = delete;
  MoveOnly(const MoveOnly&) = delete;
  MoveOnly& operator=(const MoveOnly&) = delete;
  ~MoveOnly() = default;
  std::unique_ptr<int> owned;
};
struct HidesItsAddress {
  int value;
  HidesItsAddress* operator&() { return nullptr; }              // NOLINT(google-runtime-operator): the point
  const HidesItsAddress* operator&() const { return nullptr; }  // NOLINT(google-runtime-operator): the point
};
struct ThrowsWhenCopied {
  ThrowsWhenCopied() = default;
  ThrowsWhenCopied(const ThrowsWhenCopied& /*other*/) { throw std::runtime_error("no copy"); }
  ThrowsWhenCopied(ThrowsWhenCopied&&) noexcept = default;
  ThrowsWhenCopied& operator=(const ThrowsWhenCopied&) = delete;
  ThrowsWhenCopied& operator=(ThrowsWhenCopied&&) = delete;
  ~ThrowsWhenCopied() = default;
};
struct Large {
  std::array<char, std::size_t{32} * 1024> bytes;
};

// Sends makes() by every way there is, receives it by every way there is, and looks at each.
template <class T, class Make, class Check>
void passes(Make make, Check check) {
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{2}}) {
    const Channel<T> items(capacity);
    go([items, make] {
      items.send(make());
      select(on_send(items, make()));
      Selector selector;
      selector.add_send(items, make());
      selector.select();
      while (!items.try_send(make())) yield();
      for (int i = 0; i < 2; ++i) items.send(make());
      items.close();
    });
    std::optional<T> first = items.receive();
    ASSERT_TRUE(first.has_value());
    check(*first);
    select(on_receive(items, [&](std::optional<T> item) { check(item.value()); }));
    Selector selector;
    selector.add_receive(items, [&](std::optional<T> item) { check(item.value()); });
    selector.select();
    SafeReceiver<T> reader(items, StopController());
    std::optional<T> fourth = reader.receive();
    check(fourth.value());
    int rest = 0;
    for (T& item : items) {
      check(item);
      ++rest;
    }
    EXPECT_EQ(rest, 2);
    EXPECT_FALSE(items.try_receive().has_value());
  }
}

TEST(Items, MayBeOfAnyTypeWhoseMoveDoesNotThrow) {
  run([] {
    static int target = 0;
    passes<WithConstMember>(
        [] {
          return WithConstMember{1, "one"};
        },
        [](WithConstMember& item) { EXPECT_EQ(item.name, "one"); });
    passes<WithReference>([] { return WithReference{target}; },
                          [](WithReference& item) { EXPECT_EQ(&item.refers_to, &target); });
    passes<MoveOnly>([] { return MoveOnly(3); }, [](MoveOnly& item) { EXPECT_EQ(*item.owned, 3); });
    passes<HidesItsAddress>([] { return HidesItsAddress{4}; }, [](HidesItsAddress& item) { EXPECT_EQ(item.value, 4); });
    passes<std::optional<int>>([] { return std::optional<int>(); },
                               [](std::optional<int>& item) { EXPECT_FALSE(item.has_value()); });
    passes<Channel<int>>([] { return Channel<int>(); }, [](Channel<int>& item) { EXPECT_TRUE(item.is_nil()); });
    passes<std::function<int()>>([] { return [] { return 5; }; },
                                 [](std::function<int()>& item) { EXPECT_EQ(item(), 5); });
    passes<std::any>([] { return std::any(std::string("six")); },
                     [](std::any& item) { EXPECT_EQ(std::any_cast<std::string>(item), "six"); });
    passes<Tracked>([] { return Tracked(7); }, [](Tracked& item) { EXPECT_EQ(item.value, 7); });
  });
  EXPECT_EQ(Tracked::alive, 0);
}

TEST(Items, KeepTheirAlignment) {
  struct alignas(256) Wide {
    std::string text;
  };
  const auto is_aligned = [](const Wide& item) { return reinterpret_cast<std::uintptr_t>(&item) % alignof(Wide) == 0; };
  const Channel<Wide> items(3);
  run([&] {
    const Wide local{"a"};
    EXPECT_TRUE(is_aligned(local));  // a task's stack does, too
    for (int i = 0; i < 3; ++i) items.send(local);
    const std::optional<Wide> item = items.receive();
    EXPECT_TRUE(is_aligned(*item));
    select(on_receive(items, [&](const std::optional<Wide>& taken) { EXPECT_TRUE(is_aligned(*taken)); }));
  });
}

// An item lies on the stacks of those who send and receive it; there is room for this one on a task's.
TEST(Items, MayTakeAGoodPartOfAStack) {
  const Channel<Large> items(0);
  go([items] {
    Large large{};
    large.bytes.back() = 'z';
    items.send(large);
  });
  EXPECT_EQ(run([&] { return items.receive()->bytes.back(); }), 'z');
}

TEST(Items, ThatCannotBeCopiedJustNowAreNotSent) {
  const Channel<ThrowsWhenCopied> items(1);
  const ThrowsWhenCopied item;
  EXPECT_THROW(items.send(item), std::runtime_error);
  EXPECT_THROW(static_cast<void>(items.try_send(item)), std::runtime_error);
  Selector selector;
  selector.add_send(items, ThrowsWhenCopied());
  EXPECT_THROW(selector.select(), std::runtime_error);
  EXPECT_EQ(items.size(), 0U);
  items.send(ThrowsWhenCopied());
  EXPECT_TRUE(items.receive());
}

TEST(Items, OfAChannelMayHoldThatChannel) {
  auto items = std::make_optional<Channel<std::any>>(1);
  items->send(std::any(*items));
  const std::any held = items->receive_or_zero();
  EXPECT_EQ(std::any_cast<Channel<std::any>>(held), *items);
}

template <class T>
concept MayBeAnItem = Message<T>;
static_assert(!MayBeAnItem<int&> && !MayBeAnItem<const int> && !MayBeAnItem<int[2]> && !MayBeAnItem<void> &&
              !MayBeAnItem<void()> && !MayBeAnItem<std::error_category>);
struct ThrowsWhenMoved {
  ThrowsWhenMoved(ThrowsWhenMoved&& /*other*/) noexcept(false) {}  // NOLINT(performance-noexcept-move-constructor)
};
static_assert(!MayBeAnItem<ThrowsWhenMoved> && MayBeAnItem<std::unique_ptr<ThrowsWhenMoved>>);

// ---- cases and their handlers --------------------------------------------------------------------------------------

TEST(Cases, MayBeUsedAgain) {
  const Channel<Tracked> items(2);
  int sum = 0;
  auto receives = on_receive(items, [&](std::optional<Tracked> item) { sum += item->value; });
  for (int i = 1; i <= 3; ++i) {
    items.send(Tracked(i));
    EXPECT_EQ(select(receives, otherwise()), 0U);
  }
  EXPECT_EQ(select(receives, otherwise()), 1U);
  EXPECT_EQ(sum, 6);
  EXPECT_LE(Tracked::alive, 1);  // the shell of the last one
}

TEST(Cases, HandlersMaySelectAgain) {
  const Channel<int> items(3);
  for (int i = 1; i <= 3; ++i) items.send(i);
  int sum = 0;
  const std::function<void(std::optional<int>)> take = [&](std::optional<int> item) {
    sum += *item;
    select(on_receive(items, take), otherwise());
  };
  select(on_receive(items, take));
  EXPECT_EQ(sum, 6);

  Selector selector;
  int calls = 0;
  selector.add_receive(items, [&](std::optional<int>) {
    ++calls;
    if (items.size() != 0) selector.select();
  });
  for (int i = 1; i <= 3; ++i) items.send(i);
  selector.select();
  EXPECT_EQ(calls, 3);
}

TEST(Cases, AHandlerMayEndItsSelector) {
  const Channel<int> items(3);
  for (int i = 1; i <= 3; ++i) items.send(i);
  auto selector = std::make_unique<Selector>();
  std::vector<int> seen;
  selector->add_receive(items, [&, kept = std::make_shared<int>(7)](std::optional<int> item) {
    selector->clear();
    seen.push_back(*item + *kept);
    selector->add_receive(items, [&, kept](std::optional<int> second) {
      selector.reset();
      seen.push_back(*second + *kept);
    });
  });
  EXPECT_EQ(selector->select(), 0U);
  EXPECT_EQ(selector->size(), 1U);
  EXPECT_EQ(selector->select(), 0U);
  EXPECT_EQ(selector, nullptr);
  EXPECT_EQ(seen, (std::vector<int>{8, 9}));
}

TEST(Cases, HandlersExceptionLeavesASelectorThatStillWorks) {
  const Channel<int> items(2);
  items.send(1);
  items.send(2);
  Selector selector;
  selector.add_receive(items, [](std::optional<int> item) {
    if (*item == 1) throw std::runtime_error("one");
  });
  EXPECT_THROW(selector.select(), std::runtime_error);
  EXPECT_EQ(selector.select(), 0U);
  EXPECT_EQ(items.size(), 0U);
}

// Each channel in several cases, both ways, and far more than fit on a stack.
TEST(Cases, MayBeAThousand) {
  constexpr int kChannels = 500;
  std::vector<Channel<int>> channels;
  channels.reserve(kChannels);
  for (int i = 0; i < kChannels; ++i) channels.emplace_back(0);
  std::atomic<int> taken{-1};
  Selector selector;
  for (int i = 0; i < kChannels; ++i) {
    selector.add_receive(channels[static_cast<std::size_t>(i)], [&, i](std::optional<int>) { taken = i; });
    selector.add_send(channels[static_cast<std::size_t>((i + 7) % kChannels)], i);
  }
  WaitGroup all;
  all.go([&] { EXPECT_EQ(selector.select(), 2U * 321); });
  test::until_parked(1);
  channels[321].send(5);
  all.wait();
  EXPECT_EQ(taken, 321);
  all.go([&] { EXPECT_EQ(selector.select(), 2U * 400 + 1); });
  test::until_parked(1);
  EXPECT_EQ(channels[407].receive(), 400);
  all.wait();
}

// ---- functions and their arguments ---------------------------------------------------------------------------------

TEST(Functions, MayBeWhateverStdThreadTakes) {
  struct Counter {
    int value = 0;
    void add(int n) { value += n; }
  };
  struct OnlyOnce {
    int* calls;
    void operator()() && { ++*calls; }
  };
  Counter counter;
  int calls = 0;
  WaitGroup all;
  const auto started = [&](auto&&... given) {
    all.go(std::forward<decltype(given)>(given)...);
    all.wait();
  };
  started(&Counter::add, &counter, 3);
  started(std::bind_front(&Counter::add, std::ref(counter)), 4);
  EXPECT_EQ(counter.value, 7);
  started(OnlyOnce{&calls});
  started([] { return 5; });  // nobody sees it, as in Go
  started([](int& changed) { ++changed; }, std::ref(calls));
  started([owned = std::make_unique<int>(1), &calls]() mutable { calls += *std::exchange(owned, nullptr); });
  started([&](std::unique_ptr<int> owned, const std::string& text) { calls += *owned + static_cast<int>(text.size()); },
          std::make_unique<int>(2), "abc");
  EXPECT_EQ(calls, 8);
  const int numbers[] = {1, 2, 3};
  started([&](const int* first, std::tuple<int> one) { calls = first[2] + std::get<0>(one); }, numbers,
          std::tuple<int>(4));
  EXPECT_EQ(calls, 7);
  struct alignas(8192) Wide {
    char first;
  };
  std::array<char, 100'000> large{};
  large.back() = 'z';
  started([large, wide = Wide{'w'}, &calls] {
    calls = large.back() == 'z' && reinterpret_cast<std::uintptr_t>(&wide) % alignof(Wide) == 0 ? 1 : 0;
  });
  EXPECT_EQ(calls, 1);
}

// go() has copied them before it returns; one that throws there starts nothing.
TEST(Functions, WhoseCopyThrowsAreNotStarted) {
  struct Throws {
    Throws() = default;
    Throws(const Throws& /*other*/) { throw std::runtime_error("no copy"); }
    Throws& operator=(const Throws&) = delete;
    ~Throws() = default;
    void operator()() const {}
  };
  const Throws function;
  WaitGroup all;
  EXPECT_THROW(go(function), std::runtime_error);
  EXPECT_THROW(all.go(function), std::runtime_error);
  EXPECT_THROW(all.go([](const Throws&) {}, function), std::runtime_error);
  all.wait();
  EXPECT_EQ(test::counts().started, 0U);
}

}  // namespace
}  // namespace vigil
