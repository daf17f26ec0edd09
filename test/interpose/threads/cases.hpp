// A program of cases: `program` lists them, `program NAME` runs one. cases_test.py runs them all under the shim.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <mutex>
#include <span>

#include <sys/syscall.h>
#include <unistd.h>

namespace vigil::test {

struct Case {
  const char* name;  // its first word says what the shim must make of it
  void (*run)();
};
#define VIGIL_CASE(name) \
  vigil::test::Case { #name, name }  // a table of functions by their own names

// What the shim knows by heart it does in another way than what it sees for the first time. With VIGIL_TEST_WARM set
// the cases' threads begin with what makes it know: a lock from some places of the stack.
inline void warm_up() {
  if (std::getenv("VIGIL_TEST_WARM") == nullptr) return;
  std::mutex own;
  for (int i = 0; i < 16; ++i) const std::lock_guard held(own);
}

inline int run_case(std::initializer_list<std::span<const Case>> tables, int argc, char** argv) {
  for (const std::span<const Case> table : tables) {
    for (const Case& one : table) {
      if (argc < 2) {
        std::puts(one.name);
      } else if (std::strcmp(one.name, argv[1]) == 0) {
        one.run();
        return 0;
      }
    }
  }
  return argc < 2 ? 0 : 1;
}

// Lets another thread go first without ordering anything: a pipe is none of the shim's business, and by system calls of
// its own also none of ThreadSanitizer's.
class Whistle {
 public:
  Whistle() {
    if (pipe(ends_) != 0) std::abort();
  }
  void blow() const {
    if (syscall(SYS_write, ends_[1], "x", 1) != 1) std::abort();
  }
  void hear() const {
    char c = 0;
    if (syscall(SYS_read, ends_[0], &c, 1) != 1) std::abort();
  }

 private:
  int ends_[2] = {};  // read here, written there; open for as long as the program lives
};

}  // namespace vigil::test
