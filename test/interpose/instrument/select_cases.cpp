// Instrumented programs with tasks that select and try: what they keep for themselves is not compared, what is the
// program's is, the variables that hold the channels included.
#include "test/interpose/instrument/select_cases.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include <vigil/vigil.hpp>

#include "test/interpose/instrument/long_text.hpp"

namespace {

using namespace std::chrono_literals;
using vigil::Channel;
using vigil::Unit;
using vigil::test::long_text;
using vigil::test::use;

void clean_select_both_ways() {
  Channel<std::string> one(0);
  Channel<std::string> two(3);
  Channel<Unit> done(0);
  vigil::WaitGroup sender;
  sender.go([=] {
    for (int i = 0; i < 60; ++i) {
      vigil::select(vigil::on_send(one, long_text(i), [] {}), vigil::on_send(two, long_text(i), [] {}));
    }
    done.close();
  });
  int got = 0;
  bool more = true;
  const auto take = [&](std::optional<std::string> text) {
    use(text.value());
    ++got;
  };
  while (more) {
    vigil::select(vigil::on_receive(one, take), vigil::on_receive(two, take),
                  vigil::on_receive(done, [&](std::optional<Unit>) { more = false; }));
  }
  while (auto text = two.try_receive()) take(std::move(*text));
  sender.wait();
}
void clean_try_send_and_receive() {
  Channel<std::string> texts(2);
  vigil::WaitGroup sender;
  sender.go([=] {
    for (int i = 0; i < 100; ++i) {
      if (!texts.try_send(long_text(i))) texts.send(long_text(i));  // to try again at once would be a busy-select
    }
    texts.close();
  });
  for (const std::string& text : texts) use(text);
  sender.wait();
}
void race_channel_variable_in_a_select() {
  Channel<int> numbers(1);
  std::atomic<bool> has_selected{false};  // orders nothing; polled, and how long that takes does not matter
  vigil::WaitGroup other;
  numbers.send(1);
  other.go([&] {
    vigil::select(vigil::on_receive(numbers), vigil::on_timeout(1h));
    has_selected.store(true, std::memory_order_relaxed);
  });
  while (!has_selected.load(std::memory_order_relaxed)) vigil::sleep_for(1ms);
  numbers = Channel<int>(1);
  other.wait();
}
void race_selected_and_written_after() {
  const Channel<int*> pointers(0);
  const Channel<Unit> never(0);
  int value = 0;
  vigil::WaitGroup reader;
  reader.go([=] {
    int* given = nullptr;
    vigil::select(vigil::on_receive(never),
                  vigil::on_receive(pointers, [&](std::optional<int*> got) { given = *got; }));
    *given = 1;
  });
  vigil::select(vigil::on_send(pointers, &value), vigil::on_receive(never));
  value = 2;
  reader.wait();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_select_both_ways),
    VIGIL_CASE(clean_try_send_and_receive),
    VIGIL_CASE(race_channel_variable_in_a_select),
    VIGIL_CASE(race_selected_and_written_after),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::select_cases() { return kCases; }
