// Two ways to build: instrumented in a project whose programs are optimised as they are linked; and a plain program
// with an instrumented library.
#include <mutex>
#include <thread>

#include "test/interpose/threads/cases.hpp"

namespace vigil::test {
void add();
}

namespace {

using vigil::test::add;
using vigil::test::Case;

std::mutex lock;

void race_of_two_threads() {
  std::thread other(add);
  add();
  other.join();
}
void clean_under_a_lock() {
  const auto add_alone = [] {
    const std::scoped_lock held(lock);
    add();
  };
  std::thread other(add_alone);
  add_alone();
  other.join();
}

constexpr Case kCases[] = {VIGIL_CASE(race_of_two_threads), VIGIL_CASE(clean_under_a_lock)};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
