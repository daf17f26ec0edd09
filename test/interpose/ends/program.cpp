// One program, many ways out: `program WAY [finding] [busy]`. The driver (ends_test.py) runs each with and without the
// shim and compares. With `finding`, it first does one thing that vigil must report: closes a nil channel.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/ends/way.hpp"

namespace {

struct SaysGoodbye {
  ~SaysGoodbye() { std::puts("static destructor"); }
} says_goodbye;

void make_a_finding() {
  try {
    const vigil::Channel<int> nil;
    nil.close();
  } catch (const vigil::Panic&) {
    std::puts("caught");
  }
}

// Pairs of tasks that never rest, a thread that allocates and locks, and tasks that sleep: the end comes into all of
// it.
void keep_busy() {
  static std::mutex* const lock = new std::mutex;
  for (int i = 0; i < 4; ++i) {
    const vigil::Channel<int> there(0);
    const vigil::Channel<int> back(1);
    vigil::go([=] {
      while (there.receive()) back.send(1);
    });
    vigil::go([=] {
      while (true) {
        there.send(1);
        back.receive();
      }
    });
  }
  vigil::go([] {
    // So that a timer is set whenever the program is ended; nothing waits for it.
    while (true) vigil::sleep_for(std::chrono::milliseconds(1));
  });
  std::thread([] {
    while (true) {
      const std::scoped_lock held(*lock);
      delete new std::string(100, 'x');
    }
  }).detach();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  vigil::test::self_path = arguments[0];
  const bool with_finding = count > 2 && std::string_view(arguments[2]) == "finding";
  if (with_finding) make_a_finding();
  if (std::string_view(arguments[count - 1]) == "busy") keep_busy();
  std::puts("begin");
  using namespace vigil::test;
  for (const std::span<const Way> table : {plain_ways(), ways_by_signal(), ways_by_process(), ways_in_surroundings()}) {
    for (const Way& way : table) {
      if (way.name == arguments[1]) return way.go();
    }
  }
  return 2;
}
