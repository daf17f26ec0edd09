// vigil/gtest.hpp: findings carry the name of the GoogleTest test they belong to. Include it in one source file of the
// test program; that is all. It needs GoogleTest's headers and nothing of vigil's libraries, and without vigil's shim
// it does nothing. Tests that are not written with tasks and channels of vigil gain from it as much.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace vigil {

// Tells the shim which test runs. A finding belongs to the test that started its first task, else to the one that runs.
class GTestListener final : public ::testing::EmptyTestEventListener {
 public:
  GTestListener() noexcept
      : begin_(reinterpret_cast<Begin>(::dlsym(RTLD_DEFAULT, "vigil_probe_test_begin"))),
        end_(reinterpret_cast<End>(::dlsym(RTLD_DEFAULT, "vigil_probe_test_end"))) {}

 private:
  // As the shim exports them, docs/probe_abi.md. The names are copied.
  using Begin = void (*)(const char* suite, const char* name);
  using End = void (*)();

  void OnTestStart(const ::testing::TestInfo& test) override {
    if (begin_ != nullptr) begin_(test.test_suite_name(), test.name());
  }
  void OnTestEnd(const ::testing::TestInfo& /*test*/) override {
    if (end_ != nullptr) end_();
  }

  const Begin begin_;
  const End end_;
};

namespace detail {
// Before main, so that a main() of the program's own needs no change. GoogleTest owns the listener.
inline const bool gtest_listener_is_there = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new GTestListener);
  return true;
}();
}  // namespace detail

}  // namespace vigil
